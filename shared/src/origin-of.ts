/**
 * Scheme, host and port of a URL, which decide whether two callers trust the same origin; '' if it is none.
 * `URL.origin` will not do: it is the same for all URLs of schemes that browsers do not know.
 */
export function originOf(url: string): string {
  const parsed = URL.parse(url)
  return parsed === null ? '' : `${parsed.protocol}//${parsed.host}`
}
