/** Request headers that prove who asks. They never enter an id, a log, a list, or another host's hands. */
const CREDENTIAL_HEADERS: ReadonlySet<string> = new Set(['authorization', 'cookie', 'proxy-authorization'])

/** Words in a header's name that say it proves something, for the many names that nobody can list. */
const CREDENTIAL_NAME =
  /(?:^|[-_])(?:auth|authentication|authorization|token|secret|password|credentials?|signature|api[-_]?key|access[-_]?key)(?:[-_]|$)/

/** Names are kept in lower case. */
export type HeaderMap = ReadonlyMap<string, string>

export interface SplitHeaders {
  /** Prove the caller; empty when it is anonymous. */
  readonly credentials: HeaderMap
  /** May select a variant of the content, and so belong to the task's identity. */
  readonly variant: HeaderMap
}

export function isCredentialHeader(name: string): boolean {
  const lower = name.toLowerCase()
  return CREDENTIAL_HEADERS.has(lower) || CREDENTIAL_NAME.test(lower)
}

/** Lines of one name become one value, as HTTP means them; only a credential that is no list is replaced by the last. */
export function splitHeaders(headers: Iterable<readonly [string, string]>): SplitHeaders {
  const credentials = new Map<string, string>()
  const variant = new Map<string, string>()
  for (const [name, value] of headers) {
    const lower = name.toLowerCase()
    if (!isCredentialHeader(lower)) variant.set(lower, joined(variant.get(lower), ', ', value))
    else if (lower === 'cookie') credentials.set(lower, joined(credentials.get(lower), '; ', value))
    else credentials.set(lower, value)
  }
  return { credentials, variant }
}

function joined(before: string | undefined, separator: string, value: string): string {
  return before === undefined ? value : `${before}${separator}${value}`
}
