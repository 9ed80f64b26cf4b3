import { readIfThere, replaceFile } from '@damselfly/shared'
import * as z from 'zod'

const count = z.number().int().nonnegative()
const time = z.number()

const pass = z.object({
  startedAt: time,
  tasks: count,
  pieces: count,
  bytes: count,
  damaged: count,
})

const state = z.object({
  /** The pass under way, and the last task that it is done with. */
  running: pass.extend({ after: z.string() }).optional(),
  last: pass.extend({ endedAt: time }).optional(),
})

/** One way through all tasks. Times in milliseconds since 1970; `damaged` counts pieces. */
export type ScrubPass = z.output<typeof pass>

/** How far the scrub has come; kept over restarts. */
export type ScrubState = z.output<typeof state>

/** @returns an empty one when there is none that can be read: the worst is that tasks are checked again */
export async function loadScrubState(path: string): Promise<ScrubState> {
  try {
    const text = await readIfThere(path)
    const parsed = state.safeParse(text === undefined ? undefined : JSON.parse(text))
    return parsed.success ? parsed.data : {}
  } catch (error) {
    if (error instanceof SyntaxError) return {}
    throw error
  }
}

/** @throws DamselflyError DISK_FULL, DISK_DENIED, DISK_FAILED */
export function saveScrubState(path: string, saved: ScrubState): Promise<void> {
  return replaceFile(path, `${JSON.stringify(saved)}\n`)
}
