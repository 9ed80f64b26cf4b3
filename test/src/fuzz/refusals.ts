import { DamselflyError, type ErrorCode } from '@damselfly/shared'

/** What `read` makes of an input, or undefined where it refuses it with one of `codes`. @throws everything else */
export function unlessRefused<T>(read: () => T, ...codes: readonly ErrorCode[]): T | undefined {
  try {
    return read()
  } catch (error) {
    if (error instanceof DamselflyError && codes.includes(error.code)) return undefined
    throw error
  }
}

export function textOf(input: Uint8Array): string {
  return Buffer.from(input).toString('utf8')
}

/** As headers and lines of HTTP are read: each byte one character. */
export function latin1Of(input: Uint8Array): string {
  return Buffer.from(input).toString('latin1')
}
