import { isDamselflyError, type Clock, type HeaderMap } from '@damselfly/shared'
import type { StoredTask } from '../store/piece-store.ts'
import { isSameVersion } from './content-version.ts'
import type { DownloadTask } from './task-download.ts'

/** What the origin says to this caller about a whole content that is here, or why it could not be asked. */
export type FreshnessAnswer = 'current' | 'changed' | { readonly error: unknown }

/**
 * Knows for a moment which contents their origins still serve, and to whom, so that many downloads of one content at a
 * time are one question to its origin.
 */
export class Freshness {
  readonly #clock: Clock
  readonly #freshForMs: number
  /** When the origin was last asked with these credentials, and served the content. */
  readonly #asked = new WeakMap<StoredTask, Map<string, number>>()

  /** @param freshForMs how long an origin's word counts; 0: each download asks */
  constructor(clock: Clock, freshForMs: number) {
    this.#clock = clock
    this.#freshForMs = freshForMs
  }

  /** @throws what the origin says to this caller's credentials; the signal's reason */
  async check(held: StoredTask, task: DownloadTask, signal: AbortSignal): Promise<FreshnessAnswer> {
    const { isPrivate } = held.record
    const { identity } = task
    // What is public or known by its digest needs no proof, and what is known by its digest cannot change.
    if (!isPrivate && (identity.digest !== undefined || !task.backToSource)) return 'current'
    const caller = isPrivate ? keyOf(task.credentials) : ''
    if (this.#isFresh(held, caller)) return 'current'
    const askedAt = this.#clock.now()
    try {
      const now = await task.origin.probe(signal)
      if (identity.digest === undefined && !isSameVersion(held.record, now)) return 'changed'
    } catch (error) {
      signal.throwIfAborted()
      if (isDamselflyError(error, 'ORIGIN_UNREACHABLE') || isDamselflyError(error, 'ORIGIN_FORBIDDEN')) return { error }
      throw error
    }
    this.#remember(held, caller, askedAt)
    return 'current'
  }

  #isFresh(held: StoredTask, caller: string): boolean {
    const askedAt = this.#asked.get(held)?.get(caller)
    return askedAt !== undefined && this.#clock.now() - askedAt < this.#freshForMs
  }

  #remember(held: StoredTask, caller: string, askedAt: number): void {
    const callers = this.#asked.get(held) ?? new Map<string, number>()
    for (const [other, time] of callers) if (askedAt - time >= this.#freshForMs) callers.delete(other)
    callers.set(caller, askedAt)
    this.#asked.set(held, callers)
  }
}

/** No two different lists of headers share it. */
function keyOf(credentials: HeaderMap): string {
  return JSON.stringify([...credentials].toSorted(([a], [b]) => (a < b ? -1 : 1)))
}
