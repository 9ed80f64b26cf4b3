import { LRUCache } from 'lru-cache'
import type { Clock } from '@damselfly/shared'
import { giveBack } from '@damselfly/exchange/store-parts'
import { PassingBytes } from './passing-bytes.ts'

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
  /** Came from the bucket, so that nobody else has them: what goes there a connection may still have. */
  readonly #loaded = new WeakSet<Buffer>()

  /** @param maxBytes of all of them together; those on their way take up to half of it, or one piece */
  constructor(maxBytes: number, clock: Clock) {
    this.#maxBytes = maxBytes
    this.#clock = clock
    this.#kept = new LRUCache({
      maxSize: maxBytes,
      sizeCalculation: ({ length }) => Math.max(1, length),
      dispose: (bytes, key) => this.#gone(key, bytes),
    })
    this.#passing = new PassingBytes(maxBytes / 2)
  }

  get(key: string): Buffer | undefined {
    return this.#kept.get(key) ?? this.#reading.get(key)?.bytes
  }

  /**
   * Keeps a piece that `pass` brings to the bucket. Waits until there is room.
   *
   * @param length bytes
   * @throws what `pass` throws
   */
  async store(key: string, length: number, pass: () => Promise<Buffer>): Promise<void> {
    await this.#passing.within(length, async () => {
      this.#makeRoom()
      this.#kept.set(key, await pass())
    })
  }

  /** @param length bytes. @param load from the bucket, once there is room. @throws what `load` throws */
  async obtain(key: string, length: number, load: () => Promise<Buffer>): Promise<Buffer> {
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

  #load(key: string, length: number, load: () => Promise<Buffer>): Promise<Buffer> {
    const loaded = Promise.withResolvers<Buffer>()
    this.#loading.set(key, loaded.promise)
    void this.#passing
      .within(length, async () => {
        this.#makeRoom()
        const bytes = await load()
        this.#loaded.add(bytes)
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

  async #whenRead(key: string, bytes: Buffer): Promise<void> {
    const read = Promise.withResolvers<void>()
    const cancel = this.#clock.after(READING_MS, read.resolve)
    this.#reading.set(key, { bytes, end: read.resolve })
    await read.promise
    cancel()
    this.#reading.delete(key)
    if (this.#kept.peek(key) !== bytes) this.#gone(key, bytes)
  }

  /** Its memory would else be in use until the next garbage collection; whoever was given it just now reads it in this turn. */
  #gone(key: string, bytes: Buffer): void {
    setImmediate(() => {
      if (this.#loaded.has(bytes) && this.#reading.get(key)?.bytes !== bytes && this.#kept.peek(key) !== bytes) giveBack(bytes)
    })
  }

  #makeRoom(): void {
    while (this.#kept.size > 0 && this.#kept.calculatedSize + this.#passing.bytes > this.#maxBytes) this.#kept.pop()
  }
}
