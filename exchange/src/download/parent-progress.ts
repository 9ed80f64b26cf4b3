import type { PeerId } from '@damselfly/shared'

/** A parent that brings less than this within one deadline is stalled, however it trickles; bytes. */
export const LEAST_PROGRESS: number = 16 * 1024

interface Mark {
  at: number
  bytes: number
}

/**
 * When each parent last got on. Requests to one parent are pipelined and share its link, so
 * bytes of any of them are a sign of life for all.
 */
export class ParentProgress {
  readonly #marks = new Map<PeerId, Mark>()

  /** Whoever waits for a parent looks again a full deadline later, so an older mark does no harm. */
  started(parent: PeerId, now: number): void {
    if (!this.#marks.has(parent)) this.#marks.set(parent, { at: now, bytes: 0 })
  }

  received(parent: PeerId, bytes: number, now: number): void {
    const mark = this.#marks.get(parent)
    if (mark === undefined) return
    mark.bytes += bytes
    if (mark.bytes < LEAST_PROGRESS) return
    mark.bytes = 0
    mark.at = now
  }

  /** When the parent last got on, on the scale of `now`. */
  lastAt(parent: PeerId): number {
    return this.#marks.get(parent)?.at ?? 0
  }
}
