import { setImmediate as nextTurn } from 'node:timers/promises'
import { LRUCache } from 'lru-cache'
import type { Clock } from '@damselfly/shared'
import { PassingBytes } from './passing-bytes.ts'
import { capacityFor, PieceMemory } from './piece-memory.ts'

/** How long a piece from the bucket stays, whatever else has to be there, for those who read it bit by bit; milliseconds. */
const READING_MS = 5_000

/** A piece that was brought to be read. */
interface Reading {
  readonly bytes: Buffer
  readonly end: () => void
}

/**
 * Pieces in memory, by their key: those that were written or read lately, and those on their way to or from the bucket, for
 * which others make room. One that comes from there stays until it was read to its end: else many that are read at once
 * would drive each other out after every portion. Those that are being fetched are fetched once.
 */
export class HotPieces {
  readonly #maxBytes: number
  readonly #clock: Clock
  readonly #kept: LRUCache<string, Buffer>
  readonly #loading = new Map<string, Promise<Buffer>>()
  readonly #reading = new Map<string, Reading>()
  readonly #passing: PassingBytes
  readonly #memory: PieceMemory

  /** @param maxBytes of all of them together; those on their way take up to half of it, or one piece */
  constructor(maxBytes: number, clock: Clock) {
    this.#maxBytes = maxBytes
    this.#clock = clock
    this.#kept = new LRUCache({
      maxSize: maxBytes,
      sizeCalculation: ({ length }) => capacityFor(length),
      dispose: (bytes, key) => this.#gone(key, bytes),
    })
    this.#passing = new PassingBytes(maxBytes / 2)
    this.#memory = new PieceMemory(maxBytes)
  }

  /** Good for this turn: afterwards other bytes may lie there. */
  get(key: string): Buffer | undefined {
    return this.#kept.get(key) ?? this.#reading.get(key)?.bytes
  }

  /**
   * Keeps a piece that `pass` brings to the bucket. Waits until there is room.
   *
   * @param length bytes
   * @param pass puts the piece into memory of that length first. Resolves with whether the bucket has taken all of it; else a
   * connection may still be sending it
   * @throws what `pass` throws
   */
  async store(key: string, length: number, pass: (target: Buffer) => Promise<boolean>): Promise<void> {
    await this.#passing.within(capacityFor(length), async () => {
      const bytes = await this.#filled(length, async (target) => {
        let isTaken = false
        try {
          isTaken = await pass(target)
        } finally {
          if (!isTaken) this.#memory.lend(target)
        }
      })
      this.#kept.set(key, bytes)
    })
  }

  /**
   * @param length bytes
   * @param load puts the piece into memory of that length, from the bucket, once there is room
   * @returns as `get`
   * @throws what `load` throws
   */
  async obtain(key: string, length: number, load: (target: Buffer) => Promise<void>): Promise<Buffer> {
    return this.get(key) ?? (await (this.#loading.get(key) ?? this.#load(key, length, load)))
  }

  /** Somebody has read the last byte of it. */
  readToEnd(key: string): void {
    this.#reading.get(key)?.end()
  }

  delete(key: string): void {
    this.#kept.delete(key)
    this.readToEnd(key)
  }

  #load(key: string, length: number, load: (target: Buffer) => Promise<void>): Promise<Buffer> {
    const loaded = Promise.withResolvers<Buffer>()
    this.#loading.set(key, loaded.promise)
    void this.#passing
      .within(capacityFor(length), async () => {
        const bytes = await this.#filled(length, load)
        this.#kept.set(key, bytes)
        const read = this.#whenRead(key, bytes)
        loaded.resolve(bytes)
        this.#loading.delete(key)
        await read
      })
      .catch((error: unknown) => {
        this.#loading.delete(key)
        loaded.reject(error)
      })
    return loaded.promise
  }

  async #filled(length: number, fill: (target: Buffer) => Promise<void>): Promise<Buffer> {
    await this.#makeRoom()
    const target = this.#memory.take(length)
    try {
      await fill(target)
      return target
    } catch (error) {
      this.#memory.release(target)
      throw error
    }
  }

  async #whenRead(key: string, bytes: Buffer): Promise<void> {
    const read = Promise.withResolvers<void>()
    const cancel = this.#clock.after(READING_MS, read.resolve)
    this.#reading.set(key, { bytes, end: read.resolve })
    await read.promise
    cancel()
    this.#reading.delete(key)
    if (this.#kept.peek(key) !== bytes) this.#gone(key, bytes)
  }

  /** Its memory is for others now; whoever was given it just now reads it in this turn. */
  #gone(key: string, bytes: Buffer): void {
    setImmediate(() => {
      if (this.#reading.get(key)?.bytes !== bytes && this.#kept.peek(key) !== bytes) this.#memory.release(bytes)
    })
  }

  async #makeRoom(): Promise<void> {
    const before = this.#kept.size
    while (this.#kept.size > 0 && this.#kept.calculatedSize + this.#passing.bytes > this.#maxBytes) this.#kept.pop()
    // What has gone is free in the next turn.
    if (this.#kept.size < before) await nextTurn()
  }
}
