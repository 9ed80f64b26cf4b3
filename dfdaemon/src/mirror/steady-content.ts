import { DamselflyError, pause, toDamselflyError, type Clock } from '@damselfly/shared'
import type { ContentRange } from '../http/range.ts'
import type { ContentSource } from './content-source.ts'
import { unlessStalled } from './stall-limit.ts'

export interface SteadyContentInit {
  /** In order of preference; the next one is asked where the last one stopped, and after the last the first. */
  readonly sources: readonly ContentSource[]
  /** How long a source may bring nothing; milliseconds. */
  readonly stallMs: number
  readonly clock: Clock
  /** @param from the source that is given up @param at the byte at which the next one is to go on */
  readonly onGivenUp: (from: ContentSource, error: DamselflyError, at: number) => void
  readonly onBytes: (from: ContentSource, bytes: number) => void
}

/** Sources in a row that bring not a single byte before it is given up; enough for each of them to recover. */
const MOST_FRUITLESS = 6

/** Once all sources have been asked in vain, doubled each time; milliseconds. */
const FIRST_PAUSE = 250

/** A content that goes on from another source, at the very byte, when one fails or stalls. */
export class SteadyContent {
  readonly #init: SteadyContentInit
  #current = 0

  /** @param first the index of the source that is asked first */
  constructor(init: SteadyContentInit, first: number) {
    this.#init = init
    this.#current = first
  }

  /** @throws DamselflyError what the last source failed with when none goes on; the signal's reason */
  async *read({ start, end }: ContentRange, signal: AbortSignal): AsyncGenerator<Uint8Array> {
    let at = start
    for (let fruitless = 0; at <= end; ) {
      const before = at
      try {
        for await (const bytes of this.#readFrom(this.#source, { start: at, end }, signal)) {
          at += bytes.length
          yield bytes
        }
        if (at <= end) throw new DamselflyError('ORIGIN_SHORT', `the ${this.#source.name} ended at byte ${at} of ${end + 1}`)
      } catch (error) {
        signal.throwIfAborted()
        fruitless = at > before ? 1 : fruitless + 1
        if (fruitless >= MOST_FRUITLESS) throw error
        await this.#goOn(toDamselflyError(error), at, fruitless, signal)
      }
    }
  }

  get #source(): ContentSource {
    const { sources } = this.#init
    return sources[this.#current % sources.length] as ContentSource
  }

  async *#readFrom(source: ContentSource, range: ContentRange, signal: AbortSignal): AsyncGenerator<Uint8Array> {
    const read = (until: AbortSignal): AsyncIterable<Uint8Array> => source.read(range, until)
    for await (const bytes of unlessStalled(read, () => source.progress(), this.#init, signal)) {
      this.#init.onBytes(source, bytes.length)
      yield bytes
    }
  }

  async #goOn(error: DamselflyError, at: number, fruitless: number, signal: AbortSignal): Promise<void> {
    const { sources, clock, onGivenUp } = this.#init
    const source = this.#source
    onGivenUp(source, error, at)
    this.#current++
    await source.giveUp()
    const round = Math.floor(fruitless / sources.length)
    if (round > 0) await pause(clock, FIRST_PAUSE * 2 ** (round - 1), signal)
    signal.throwIfAborted()
  }
}
