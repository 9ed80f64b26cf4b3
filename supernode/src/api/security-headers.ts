/**
 * On every answer, for browsers that somebody leads here: nothing is kept, guessed, framed, run or told to others. Without
 * `Strict-Transport-Security`, which would count for every other port of the host too.
 */
export const SECURITY_HEADERS: Readonly<Record<string, string>> = {
  'cache-control': 'no-store',
  'content-security-policy': "default-src 'none'; frame-ancestors 'none'",
  'cross-origin-resource-policy': 'same-origin',
  'referrer-policy': 'no-referrer',
  'x-content-type-options': 'nosniff',
  'x-frame-options': 'DENY',
}
