import { z } from 'zod'
import type { UseCounts } from './piece-store.ts'

/** What changes of a task with every piece; apart from the record, which may be large. */
export interface TaskState {
  /** Bytes. */
  readonly verifiedBytes: number
  /** Milliseconds since 1970. */
  readonly lastUsedAt: number
  /** The start of the store, counted from 1, in which the pieces were last known to be right. */
  readonly trustedSince: number
  /** How the file looked after the store's own last write; undefined while it is being written. */
  readonly stamp: FileStamp | undefined
  /** Undefined: nobody has counted. */
  readonly uses?: UseCounts | undefined
}

/** Tells whether somebody else has changed a file. */
export interface FileStamp {
  /** Milliseconds since 1970, with fractions. */
  readonly mtimeMs: number
  /** Bytes. */
  readonly size: number
}

export function stampsEqual(a: FileStamp, b: FileStamp): boolean {
  return a.mtimeMs === b.mtimeMs && a.size === b.size
}

const count = z.number().int().nonnegative()

const storedState = z.object({
  verifiedBytes: z.number().int().nonnegative(),
  lastUsedAt: z.number(),
  trustedSince: z.number().int().nonnegative(),
  stamp: z.object({ mtimeMs: z.number(), size: z.number() }).optional(),
  uses: z.object({ hits: count, servedBytes: count, originBytes: count }).optional(),
})

export function encodeTaskState(state: TaskState): string {
  return JSON.stringify(state)
}

/** @returns undefined when the text is damaged. */
export function decodeTaskState(text: string): TaskState | undefined {
  try {
    const stored = storedState.safeParse(JSON.parse(text))
    return stored.success ? { ...stored.data, stamp: stored.data.stamp } : undefined
  } catch {
    return undefined
  }
}
