import { ERROR_CODES, type ErrorCode } from '@damselfly/shared'

/** What one check found. */
export interface Finding {
  /** What was tested; a word or two. */
  readonly check: string
  readonly state: 'ok' | 'warn' | 'fail'
  readonly text: string
  /** What to do about it. */
  readonly hint?: string
}

export function ok(check: string, text: string): Finding {
  return { check, state: 'ok', text }
}

/** Pulls work, but not as they could. */
export function warn(check: string, text: string, hint: string): Finding {
  return { check, state: 'warn', text, hint }
}

export function fail(check: string, text: string, hint: string): Finding {
  return { check, state: 'fail', text, hint }
}

/** What the table of errors advises. */
export function adviceOf(code: string): string {
  return Object.hasOwn(ERROR_CODES, code) ? ERROR_CODES[code as ErrorCode].advice : 'see the log of the daemon'
}

/** One line, with what to do below it. */
export function findingText({ check, state, text, hint }: Finding): string {
  return `${state.padEnd(4)}  ${check}: ${text}\n${hint === undefined ? '' : `      ${hint}\n`}`
}
