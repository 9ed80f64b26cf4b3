import { DamselflyError, isDamselflyError, pause, pieceSizeFor, type Clock, type PieceLayout, type RateFlow, type Sha256 } from '@damselfly/shared'
import { inPortions } from '../lane/paced-delivery.ts'
import type { StoredTask } from '../store/piece-store.ts'
import { nextRun, RUN_BYTES, type PieceRun } from './origin-plan.ts'
import type { OriginBody, OriginReader } from './origin-reader.ts'
import { PieceStream } from './piece-stream.ts'
import type { TransferAccount } from './transfer-account.ts'

/** Tries in a row without a single new byte before the origin is given up. */
const MOST_TRIES = 5

/** The wait before the second try, doubled each time; milliseconds. */
const FIRST_RETRY = 200

export interface OriginFetchOptions {
  readonly origin: OriginReader
  readonly account: TransferAccount
  readonly digests: ReadonlyMap<number, Sha256>
  /** Requests to the origin at once, where it serves ranges. */
  readonly parallel: number
  /** What is here of the content, if anything. */
  readonly existing: StoredTask | undefined
  /** Makes room for the content as the origin describes it, or finds what is here of it. */
  readonly prepare: (content: OriginBody) => Promise<StoredTask>
  /** From where on something is wanted most: in bytes before anything is known of the content, then in pieces. */
  readonly wanted: { readonly firstByte: () => number; readonly nextPiece: (pieceSize: number) => number }
  /** A piece that somebody else is fetching. */
  readonly isElsewhere: (index: number) => boolean
  readonly onStored: (index: number, digest: Sha256) => void
  readonly flow: RateFlow
  readonly clock: Clock
  readonly signal: AbortSignal
}

/** Back-to-source: brings every missing piece from the origin itself, over several ranges at once where it can. */
export class OriginFetch {
  readonly #options: OriginFetchOptions
  readonly #taken = new Set<number>()
  readonly #stop = new AbortController()
  #stored: StoredTask | undefined
  /** The origin ignores ranges, and one request brings everything that is missing. */
  #isStreaming = false
  #prepared = false

  constructor(options: OriginFetchOptions) {
    this.#options = options
    this.#stored = options.existing
  }

  get isStopped(): boolean {
    return this.#stop.signal.aborted
  }

  /** Lets the pieces under way end and asks for no more. */
  stop(): void {
    this.#stop.abort()
  }

  /**
   * Resolves when nothing is left to ask for, or after `stop`.
   *
   * @throws DamselflyError as the source client does; ORIGIN_CHANGED; ORIGIN_LONG; DISK_FULL; the signal's reason
   */
  async run(): Promise<void> {
    if (this.#stored?.layout === undefined) await this.#retrying(() => this.#first())
    const workers = Array.from({ length: this.#options.parallel }, () => this.#worker())
    try {
      await Promise.all(workers)
    } catch (error) {
      // The piece that made the content whole ended all of this; others may still be counting theirs.
      if (this.#options.signal.aborted) await Promise.allSettled(workers)
      throw error
    }
  }

  /** The first request also tells length, version and whether ranges are served. */
  async #first(): Promise<void> {
    const answer = await this.#openFirst()
    // A second try goes on with what the first one stored; the stream checks that it is still the same.
    if (!this.#prepared) this.#stored = await this.#options.prepare(answer)
    this.#prepared = true
    const stored = this.#stored as StoredTask
    const { layout } = stored
    if (layout === undefined || !answer.acceptsRanges) return this.#consumeAll(stored, answer)
    try {
      const first = answer.start / layout.pieceSize
      const last = Math.min(first + Math.ceil(RUN_BYTES / layout.pieceSize), layout.pieceCount) - 1
      await this.#consume(stored, answer, { first, last })
    } catch (error) {
      // The workers go on behind the cut.
      if (!isTransient(error)) throw error
    }
  }

  /** Where pieces of every usual size begin, at or before the byte that is wanted most. */
  async #openFirst(): Promise<OriginBody> {
    const start = Math.floor(this.#options.wanted.firstByte() / RUN_BYTES) * RUN_BYTES
    if (start === 0) return await this.#open(0, RUN_BYTES - 1)
    try {
      const answer = await this.#open(start, start + RUN_BYTES - 1)
      if (answer.start % pieceSizeFor(answer.contentLength) === 0 && answer.contentLength !== undefined) return answer
      answer.body.cancel()
    } catch (error) {
      if (!isDamselflyError(error, 'RANGE_UNSATISFIABLE')) throw error
    }
    return await this.#open(0, RUN_BYTES - 1)
  }

  async #worker(): Promise<void> {
    while (!this.isStopped && !this.#isStreaming) {
      const stored = this.#stored
      if (stored?.layout === undefined) return
      const { layout } = stored
      const run = nextRun(layout, (index) => this.#isOpen(stored, index), this.#options.wanted.nextPiece(layout.pieceSize))
      if (run === undefined) return
      await this.#retrying(() => this.#fetchRun(stored, layout, run))
    }
  }

  #isOpen(stored: StoredTask, index: number): boolean {
    return !stored.has(index) && !this.#taken.has(index) && !this.#options.isElsewhere(index)
  }

  async #fetchRun(stored: StoredTask, layout: PieceLayout, run: PieceRun): Promise<void> {
    let first = run.first
    while (first <= run.last && stored.has(first)) first++
    if (first > run.last) return
    const { offset } = layout.piece(first)
    const last = layout.piece(run.last)
    for (let index = first; index <= run.last; index++) this.#taken.add(index)
    try {
      const answer = await this.#open(offset, last.offset + last.length - 1)
      if (answer.contentLength !== undefined && answer.contentLength !== layout.contentLength) {
        answer.body.cancel()
        throw new DamselflyError('ORIGIN_CHANGED', 'the content at the origin has another length now')
      }
      if (answer.acceptsRanges && answer.start === offset) await this.#consume(stored, answer, { first, last: run.last })
      else await this.#consumeAll(stored, answer)
    } finally {
      for (let index = first; index <= run.last; index++) this.#taken.delete(index)
    }
  }

  async #open(start: number, end: number): Promise<OriginBody> {
    const { origin, signal } = this.#options
    const record = this.#stored?.record
    const expected = record === undefined ? undefined : { etag: record.etag, lastModified: record.lastModified }
    try {
      return await origin.read({ start, end, expected }, signal)
    } catch (error) {
      // An empty content has no range that could be asked for.
      if (start !== 0 || !isDamselflyError(error, 'RANGE_UNSATISFIABLE')) throw error
      return origin.read({ start: 0, end: undefined, expected }, signal)
    }
  }

  /** Without ranges one body brings all that is missing; of others that come at the same time nothing is taken. */
  async #consumeAll(stored: StoredTask, answer: OriginBody): Promise<void> {
    if (this.#isStreaming) return answer.body.cancel()
    this.#isStreaming = true
    try {
      await this.#consume(stored, answer, { first: 0, last: Number.MAX_SAFE_INTEGER })
    } finally {
      this.#isStreaming = false
    }
  }

  /** Stores the body's pieces, which must reach to the end of `run`. */
  async #consume(stored: StoredTask, answer: OriginBody, run: PieceRun): Promise<void> {
    const { account, digests, onStored, flow, signal } = this.#options
    const stream = new PieceStream({ stored, account, digests, onStored, isEnough: () => this.isStopped }, answer.start)
    try {
      const store = (bytes: Uint8Array): Promise<void> | undefined => {
        const busy = stream.push(bytes)
        if (stream.hasEnough) answer.body.cancel()
        return busy
      }
      // What waits for its limit is kept beyond the call, so it must be a copy.
      await answer.body.pipe((bytes) => (flow.unlimited ? store(bytes) : inPortions(new Uint8Array(bytes), flow, signal, store)))
      await stream.settle()
      if (stream.hasEnough) return
      checkEnd(stored, stream.position, run)
      await stream.end()
    } finally {
      answer.body.cancel()
      await stream.abort()
    }
  }

  /** Repeats what failed for a passing reason, with growing pauses, as long as pieces still come now and then. */
  async #retrying(attempt: () => Promise<void>): Promise<void> {
    const { clock, signal } = this.#options
    const over = AbortSignal.any([signal, this.#stop.signal])
    for (let tries = 1; ; tries++) {
      const before = this.#stored?.verifiedBytes ?? 0
      try {
        return await attempt()
      } catch (error) {
        signal.throwIfAborted()
        if ((this.#stored?.verifiedBytes ?? 0) > before) tries = 1
        if (!isTransient(error) || (tries >= MOST_TRIES && !this.isStopped)) throw error
        await pause(clock, FIRST_RETRY * 2 ** (tries - 1), over)
        signal.throwIfAborted()
        if (this.isStopped) return
      }
    }
  }
}

function checkEnd({ layout }: StoredTask, position: number, run: PieceRun): void {
  if (layout === undefined || layout.pieceCount === 0) return
  const last = layout.piece(Math.min(run.last, layout.pieceCount - 1))
  if (position < last.offset + last.length) {
    throw new DamselflyError('ORIGIN_SHORT', `the origin ended after ${position} bytes`)
  }
}

function isTransient(error: unknown): boolean {
  return (
    isDamselflyError(error, 'ORIGIN_UNREACHABLE') ||
    isDamselflyError(error, 'ORIGIN_SHORT') ||
    isDamselflyError(error, 'ORIGIN_STATUS')
  )
}
