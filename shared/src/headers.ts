/** Request headers that prove who asks. They never enter an id, a log, a list, or another host's hands. */
const CREDENTIAL_HEADERS: ReadonlySet<string> = new Set([
  'authorization',
  'cookie',
  'proxy-authorization',
  'private-token',
  'job-token',
  'x-api-key',
  'x-auth-token',
  'x-amz-security-token',
])

/** Names are kept in lower case. */
export type HeaderMap = ReadonlyMap<string, string>

export interface SplitHeaders {
  /** Prove the caller; empty when it is anonymous. */
  readonly credentials: HeaderMap
  /** May select a variant of the content, and so belong to the task's identity. */
  readonly variant: HeaderMap
}

export function isCredentialHeader(name: string): boolean {
  return CREDENTIAL_HEADERS.has(name.toLowerCase())
}

export function splitHeaders(headers: Iterable<readonly [string, string]>): SplitHeaders {
  const credentials = new Map<string, string>()
  const variant = new Map<string, string>()
  for (const [name, value] of headers) {
    const target = isCredentialHeader(name) ? credentials : variant
    target.set(name.toLowerCase(), value)
  }
  return { credentials, variant }
}
