import { ERROR_CODES, type ErrorCode } from '@damselfly/shared'
import * as z from 'zod'

/** More says nothing more to people; characters. */
const MAX_TEXT = 300

const refusal = z.object({ errors: z.tuple([z.object({ code: z.string(), message: z.string().optional(), detail: z.unknown() })]).rest(z.unknown()) })

/** What a registry, or the mirror in its stead, says of what it does not give. */
export interface RegistryRefusal {
  readonly text: string
  /** The mirror's own code, where it is the mirror that says so. */
  readonly code: ErrorCode | undefined
}

/** @param body of an answer, in the form of the distribution specification or any other */
export function registryRefusal(status: number, body: string): RegistryRefusal {
  const read = refusal.safeParse(jsonOf(body))
  if (!read.success) return { text: `status ${status}: ${body.slice(0, MAX_TEXT)}`, code: undefined }
  const [{ code, message = '', detail }] = read.data.errors
  const own = typeof detail === 'string' && Object.hasOwn(ERROR_CODES, detail) ? (detail as ErrorCode) : undefined
  return { text: `status ${status}, ${own ?? code}${message === '' ? '' : `: ${message.slice(0, MAX_TEXT)}`}`, code: own }
}

function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}
