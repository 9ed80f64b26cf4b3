import { isDeepStrictEqual } from 'node:util'
import { DamselflyError } from '@damselfly/shared'
import type { Scheduler, SchedulerCommand } from '../../contract.ts'
import { parseEntry, parseHeader, type TraceHeader } from './trace-format.ts'

/** Where a scheduler answers otherwise than it did when the trace was recorded. */
export interface Difference {
  /** From 1 on. */
  readonly line: number
  readonly at: number
  readonly recorded: readonly SchedulerCommand[]
  readonly replayed: readonly SchedulerCommand[]
}

export interface Replay {
  /** Events that were replayed; up to the first difference, since all that follows may differ because of it. */
  readonly events: number
  readonly commands: number
  readonly difference: Difference | undefined
}

/**
 * Tells a new scheduler what a recorded one was told.
 *
 * @param create makes a scheduler as the header says
 * @throws DamselflyError PROTOCOL when a line is not of a trace
 */
export async function replayTrace(
  lines: AsyncIterable<string> | Iterable<string>,
  create: (header: TraceHeader) => Scheduler,
): Promise<Replay> {
  let scheduler: Scheduler | undefined
  let [line, events, commands] = [0, 0, 0]
  for await (const text of lines) {
    line++
    if (text === '') continue
    if (scheduler === undefined) {
      scheduler = create(parseHeader(text))
      continue
    }
    const { at, event, commands: recorded } = parseEntry(text, line)
    const replayed = scheduler.handle(event, at)
    events++
    commands += replayed.length
    if (!isDeepStrictEqual(replayed, recorded)) return { events, commands, difference: { line, at, recorded, replayed } }
  }
  if (scheduler === undefined) throw new DamselflyError('PROTOCOL', 'the trace is empty')
  return { events, commands, difference: undefined }
}
