import { ERROR_CODES, isErrorCode, type ErrorCode } from './codes.ts'
import type { ErrorKind } from './error-kind.ts'

/** The one error class: callers match `code`, people read `message` and `advice`. */
export class DamselflyError extends Error {
  override readonly name = 'DamselflyError'
  readonly code: ErrorCode

  constructor(code: ErrorCode, message: string, options?: { readonly cause?: unknown }) {
    super(message, options)
    this.code = code
  }

  get kind(): ErrorKind {
    return ERROR_CODES[this.code]
  }

  /** One line for a person: what happened, its code, what to do. */
  toLine(): string {
    return `${this.message} [${this.code}]: ${this.kind.advice}`
  }
}

/** Whether `error` is ours and, if a code is given, of that code. */
export function isDamselflyError(error: unknown, code?: ErrorCode): error is DamselflyError {
  return error instanceof DamselflyError && (code === undefined || error.code === code)
}

/** Any thrown value as one of ours; what is not already becomes INTERNAL, or `fallback`. */
export function toDamselflyError(error: unknown, fallback: ErrorCode = 'INTERNAL'): DamselflyError {
  if (error instanceof DamselflyError) return error
  return new DamselflyError(fallback, messageOf(error), { cause: error })
}

/** An error as it crosses a process boundary. A code that this version does not know becomes INTERNAL. */
export function errorFromWire(code: string, message: string): DamselflyError {
  return new DamselflyError(isErrorCode(code) ? code : 'INTERNAL', message)
}

export function messageOf(error: unknown): string {
  if (!(error instanceof Error)) return textOf(error)
  // An AggregateError of a dual-stack connect has an empty message and says all in its parts.
  if (error.message === '' && error instanceof AggregateError) return error.errors.map(messageOf).join('; ')
  return error.message === '' ? error.name : error.message
}

function textOf(thrown: unknown): string {
  // Not every object can become a string, and one that can may hold what is not to be shown.
  if ((typeof thrown === 'object' && thrown !== null) || typeof thrown === 'function')
    return 'something was thrown that is no error'
  return String(thrown)
}

/** The `code` of a system error such as ENOENT, or undefined. */
export function systemCode(error: unknown): string | undefined {
  if (!(error instanceof Error) || !('code' in error)) return undefined
  return typeof error.code === 'string' ? error.code : undefined
}
