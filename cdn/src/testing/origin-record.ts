import type { IncomingHttpHeaders } from 'node:http'

/** What one path of the fault origin has seen and sent so far. */
export interface OriginStats {
  readonly gets: number
  readonly heads: number
  /** Body bytes handed to the network, probes included. */
  readonly bodyBytes: number
  /** Those of requests for the first byte alone. */
  readonly probeBytes: number
  /** Answers that only said that nothing is new. */
  readonly notModified: number
  /** The Range headers of GETs, '' where there was none. */
  readonly ranges: readonly string[]
  /** Of each request, in order. */
  readonly headers: readonly IncomingHttpHeaders[]
  /** Answers that are being sent. */
  readonly open: number
}

type Waiter = { readonly wanted: (stats: OriginStats) => boolean; readonly resolve: (stats: OriginStats) => void }

/** Keeps one path's account and wakes those who wait for it to change. */
export class OriginRecord {
  #stats: OriginStats = { gets: 0, heads: 0, bodyBytes: 0, probeBytes: 0, notModified: 0, ranges: [], headers: [], open: 0 }
  #cuts = 0
  readonly #waiters = new Set<Waiter>()
  readonly #paused = new Set<() => void>()
  #resumed = false

  get stats(): OriginStats {
    return this.#stats
  }

  /** How often an answer was cut. */
  get cuts(): number {
    return this.#cuts
  }

  countRequest(isHead: boolean, headers: IncomingHttpHeaders): void {
    const { gets, heads, ranges } = this.#stats
    this.#change({
      gets: isHead ? gets : gets + 1,
      heads: isHead ? heads + 1 : heads,
      ranges: isHead ? ranges : [...ranges, headers.range ?? ''],
      headers: [...this.#stats.headers, headers],
      open: this.#stats.open + 1,
    })
  }

  countEnd(): void {
    this.#change({ open: this.#stats.open - 1 })
  }

  countNotModified(): void {
    this.#change({ notModified: this.#stats.notModified + 1 })
  }

  countCut(): void {
    this.#cuts++
  }

  countBytes(bytes: number, isProbe: boolean): void {
    const { bodyBytes, probeBytes } = this.#stats
    this.#change({ bodyBytes: bodyBytes + bytes, probeBytes: isProbe ? probeBytes + bytes : probeBytes })
  }

  when(wanted: (stats: OriginStats) => boolean): Promise<OriginStats> {
    if (wanted(this.#stats)) return Promise.resolve(this.#stats)
    return new Promise((resolve) => this.#waiters.add({ wanted, resolve }))
  }

  /** Lets the paused answers go on, and all later ones pass. */
  resume(): void {
    this.#resumed = true
    for (const wake of this.#paused) wake()
    this.#paused.clear()
  }

  /** Resolves on `resume`. */
  pause(): Promise<void> {
    if (this.#resumed) return Promise.resolve()
    return new Promise((resolve) => this.#paused.add(resolve))
  }

  /** Pauses count anew; what was counted stays. */
  rearm(): void {
    this.#resumed = false
    this.#cuts = 0
  }

  #change(change: Partial<OriginStats>): void {
    this.#stats = { ...this.#stats, ...change }
    for (const waiter of this.#waiters) {
      if (!waiter.wanted(this.#stats)) continue
      this.#waiters.delete(waiter)
      waiter.resolve(this.#stats)
    }
  }
}
