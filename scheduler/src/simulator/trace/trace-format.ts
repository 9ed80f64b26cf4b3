import { DamselflyError, messageOf } from '@damselfly/shared'
import * as z from 'zod'
import type { SchedulerCommand, SchedulerEvent } from '../../contract.ts'

/*
 * A trace is a text of JSON lines: the first tells how the scheduler was made, each other one what it was told at what
 * time, and what it answered.
 *
 *   {"trace":"damselfly-scheduler","version":1,"seed":1}
 *   {"at":0,"event":{"type":"peer-joined",...},"commands":[]}
 */

const VERSION = 1

/** Far more than the largest event or answer takes; characters. */
const LONGEST_LINE = 64 * 1024 * 1024

export interface TraceHeader {
  /** Of the scheduler's generator of random numbers. */
  readonly seed: number
  /** Where its policies came from; undefined: the defaults. */
  readonly policy?: string | undefined
}

export interface TraceEntry {
  /** Milliseconds on the scheduler's scale. */
  readonly at: number
  readonly event: SchedulerEvent
  readonly commands: readonly SchedulerCommand[]
}

const headerSchema = z.object({
  trace: z.literal('damselfly-scheduler'),
  version: z.literal(VERSION),
  seed: z.number().int().min(0).max(0xffff_ffff),
  policy: z.string().optional(),
})

const entrySchema = z.object({
  at: z.number(),
  event: z.looseObject({ type: z.string() }),
  commands: z.array(z.looseObject({ type: z.string() })),
})

export function formatHeader({ seed, policy }: TraceHeader): string {
  return `${JSON.stringify({ trace: 'damselfly-scheduler', version: VERSION, seed, policy })}\n`
}

export function formatEntry({ at, event, commands }: TraceEntry): string {
  // A bitset has no JSON of its own, and its members as a list mean the same.
  const plain = event.type === 'pieces-available' && 'members' in event.pieces ? { ...event, pieces: [...event.pieces.members()] } : event
  return `${JSON.stringify({ at, event: plain, commands })}\n`
}

/** @throws DamselflyError PROTOCOL when it is no trace, or of another version */
export function parseHeader(line: string): TraceHeader {
  return parse(headerSchema, line, 1)
}

/** @param number of the line, from 1 on; for the message @throws DamselflyError PROTOCOL */
export function parseEntry(line: string, number: number): TraceEntry {
  const { at, event, commands } = parse(entrySchema, line, number)
  return { at, event: event as unknown as SchedulerEvent, commands: commands as unknown as SchedulerCommand[] }
}

function parse<T extends z.ZodType>(schema: T, line: string, number: number): z.output<T> {
  if (line.length > LONGEST_LINE) throw new DamselflyError('PROTOCOL', `line ${number} of the trace is too long`)
  try {
    return schema.parse(JSON.parse(line))
  } catch (error) {
    const why = error instanceof z.ZodError ? z.prettifyError(error).replaceAll('\n', ' ') : messageOf(error)
    throw new DamselflyError('PROTOCOL', `line ${number} is not of a scheduler's trace: ${why}`, { cause: error })
  }
}
