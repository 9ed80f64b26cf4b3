import type { ContentSpec } from '../cdn.ts'
import type { OriginResponse } from '../source-client.ts'
import { canProveSameness } from '../validators.ts'
import type { Gap } from './piece-sink.ts'
import { taskLength } from './task-record.ts'

/** Where the first byte of an answer goes in the task's content. */
export function placeOf(spec: ContentSpec, response: OriginResponse): number {
  return response.start - (spec.range?.start ?? 0)
}

/** Whether more of the content, or nobody knows what, is left behind what comes. */
export function isPart(spec: ContentSpec, response: OriginResponse): boolean {
  if (response.bodyLength === undefined) return false
  const length = taskLength(spec, response)
  return length === undefined || placeOf(spec, response) + response.bodyLength < length
}

/** Whether just the gap is answered, as far as the content goes. */
export function answers(gap: Gap, spec: ContentSpec, response: OriginResponse): boolean {
  const length = taskLength(spec, response)
  if (length === undefined || response.bodyLength === undefined || placeOf(spec, response) !== gap.start) return false
  return gap.start + response.bodyLength === Math.min(gap.end ?? length, length)
}

/** Whether further parts of the same content can be asked for, and be known to belong to it. */
export function canBeDivided({ contentLength, validators }: OriginResponse): boolean {
  return contentLength !== undefined && canProveSameness(validators)
}
