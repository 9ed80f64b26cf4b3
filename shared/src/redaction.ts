import { isCredentialHeader } from './headers.ts'
import { redactUrl } from './task-id.ts'

const REDACTED = '[redacted]'

/** Keys whose values are never written, beside all that look like a credential header. */
const SECRET_KEYS: ReadonlySet<string> = new Set(['headers', 'credentials', 'cookie', 'cookies', 'set-cookie'])

/** Deeper than anything that we log; what lies below is left out. */
const MAX_DEPTH = 8

/** A copy of a log object without secrets, at any depth; URLs lose user info and query values. */
export function redactSecrets(object: Readonly<Record<string, unknown>>): Record<string, unknown> {
  return redactObject(object, 0)
}

function redactObject(object: object, depth: number): Record<string, unknown> {
  return Object.fromEntries(Object.entries(object).map(([key, value]) => [key, redactEntry(key, value, depth)]))
}

function redactEntry(key: string, value: unknown, depth: number): unknown {
  const name = key.replaceAll(/([a-z0-9])([A-Z])/g, '$1-$2').toLowerCase()
  if (SECRET_KEYS.has(name) || isCredentialHeader(name)) return REDACTED
  if (typeof value === 'string' && /(?:^|[-_])ur[il]$/.test(name)) return redactUrl(value)
  return redactValue(value, depth + 1)
}

function redactValue(value: unknown, depth: number): unknown {
  if (typeof value !== 'object' || value === null) return value
  if (Array.isArray(value)) return depth > MAX_DEPTH ? REDACTED : value.map((item) => redactValue(item, depth + 1))
  // Errors, dates, buffers and what writes itself as JSON are left to the logger.
  const prototype: unknown = Object.getPrototypeOf(value)
  if ((prototype !== Object.prototype && prototype !== null) || 'toJSON' in value) return value
  return depth > MAX_DEPTH ? REDACTED : redactObject(value, depth)
}
