import { messageOf, toDamselflyError } from '@damselfly/shared'

/**
 * What the distribution specification calls what went wrong, by the HTTP status. It has no word for a part that is not there,
 * but leaves it to registries to add some: this is the one of the reference registry.
 */
const CODES: Readonly<Record<number, string>> = {
  400: 'DIGEST_INVALID',
  401: 'UNAUTHORIZED',
  403: 'DENIED',
  404: 'NAME_UNKNOWN',
  416: 'RANGE_INVALID',
  415: 'UNSUPPORTED',
  429: 'TOOMANYREQUESTS',
}

/** An answer in the form that clients of registries show to people. */
export interface RegistryError {
  readonly status: number
  readonly body: { readonly errors: readonly [{ readonly code: string; readonly message: string; readonly detail: string }] }
}

/** With our own stable code in the detail. */
export function registryError(error: unknown): RegistryError {
  const refused = refusedByServer(error)
  if (refused !== undefined) return registryRefusal(refused, messageOf(error), 'USAGE')
  const { code, kind, message } = toDamselflyError(error)
  return registryRefusal(kind.http, `${message}; ${kind.advice}`, code)
}

export function registryRefusal(status: number, message: string, detail: string): RegistryError {
  return { status, body: { errors: [{ code: CODES[status] ?? 'UNKNOWN', message, detail }] } }
}

/** The status of what the HTTP server itself refuses, such as a type of body that it cannot read. */
function refusedByServer(error: unknown): number | undefined {
  const status = error instanceof Error && 'statusCode' in error ? error.statusCode : undefined
  return typeof status === 'number' && status >= 400 && status < 500 ? status : undefined
}
