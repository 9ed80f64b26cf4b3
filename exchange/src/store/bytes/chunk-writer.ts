import type { BufferPool } from '../buffer-pool.ts'

/** One being written while the next waits keeps the disk busy; more would only hold memory. */
const MAX_OUTSTANDING = 2

/** From here on a portion is worth a write of its own, without being gathered; bytes. */
const DIRECT_BYTES = 64 * 1024

/** Where chunks go. */
export interface ChunkTarget {
  /** Resolves when all `length` bytes are written. @throws DamselflyError DISK_FULL, DISK_DENIED, DISK_FAILED */
  write(buffer: Uint8Array, length: number, position: number): Promise<void>
  /**
   * Writes at once if that costs less than `write`.
   *
   * @returns false when nothing was written and `write` is to be used
   * @throws DamselflyError DISK_FULL, DISK_DENIED, DISK_FAILED
   */
  writeNow(bytes: Uint8Array, position: number): boolean
}

interface Chunk {
  readonly buffer: Buffer
  readonly length: number
  readonly position: number
}

/** Gathers the bytes of one piece into chunks and writes those to the file: at once while the disk is fast, else a few at a time. */
export class ChunkWriter {
  readonly #file: ChunkTarget
  readonly #buffers: BufferPool
  readonly #waiting: Chunk[] = []
  #outstanding = 0
  #buffer: Buffer | undefined
  #filled = 0
  #position: number
  #failure: Error | undefined
  #progress: PromiseWithResolvers<void> | undefined

  /** @param position bytes from the start of the file. */
  constructor(file: ChunkTarget, buffers: BufferPool, position: number) {
    this.#file = file
    this.#buffers = buffers
    this.#position = position
  }

  /** Takes the bytes over, so that the caller may use their memory again at once. */
  append(bytes: Uint8Array): void {
    if (this.#failure !== undefined) return
    const end = this.#position + this.#filled
    if (bytes.length < DIRECT_BYTES || !this.#writeNow(bytes, end)) return this.#gather(bytes)
    // What was gathered before lies in front of them.
    this.#enqueue()
    this.#position = end + bytes.length
  }

  /** Undefined when more is welcome at once, else resolves when it is. @throws DamselflyError of the first failed write */
  room(): Promise<void> | undefined {
    return this.#failure === undefined && this.#outstanding < MAX_OUTSTANDING ? undefined : this.#until(MAX_OUTSTANDING)
  }

  /** Resolves when everything handed in is in the file. @throws DamselflyError of the first failed write */
  finish(): Promise<void> {
    this.#enqueue()
    return this.#until(1)
  }

  /** Resolves when no write is outstanding; the chunk that is not yet full stays. Never throws. */
  async settle(): Promise<void> {
    while (this.#outstanding > 0) await this.#nextProgress()
  }

  /** Drops what is not yet being written. Resolves when no write is outstanding. */
  async discard(): Promise<void> {
    this.#drop()
    await this.settle()
  }

  #gather(bytes: Uint8Array): void {
    for (let taken = 0; taken < bytes.length && this.#failure === undefined; ) {
      this.#buffer ??= this.#buffers.acquire()
      const part = bytes.subarray(taken, taken + this.#buffer.length - this.#filled)
      this.#buffer.set(part, this.#filled)
      this.#filled += part.length
      taken += part.length
      if (this.#filled === this.#buffer.length) this.#enqueue()
    }
  }

  #enqueue(): void {
    if (this.#buffer === undefined) return
    this.#waiting.push({ buffer: this.#buffer, length: this.#filled, position: this.#position })
    this.#position += this.#filled
    this.#buffer = undefined
    this.#filled = 0
    this.#pump()
  }

  #pump(): void {
    while (this.#outstanding < MAX_OUTSTANDING) {
      const chunk = this.#waiting.shift()
      if (chunk === undefined) return
      if (this.#writeNow(chunk.buffer.subarray(0, chunk.length), chunk.position)) this.#buffers.release(chunk.buffer)
      else this.#writeLater(chunk)
    }
  }

  /** Not while others are being written, which shows that the disk is behind. */
  #writeNow(bytes: Uint8Array, position: number): boolean {
    try {
      return this.#outstanding === 0 && this.#file.writeNow(bytes, position)
    } catch (error) {
      this.#fail(error as Error)
      return true
    }
  }

  #writeLater(chunk: Chunk): void {
    this.#outstanding++
    this.#file
      .write(chunk.buffer, chunk.length, chunk.position)
      .catch((error: Error) => this.#fail(error))
      .finally(() => this.#written(chunk))
  }

  #written(chunk: Chunk): void {
    this.#outstanding--
    this.#buffers.release(chunk.buffer)
    this.#pump()
    this.#progress?.resolve()
    this.#progress = undefined
  }

  #fail(error: Error): void {
    this.#failure ??= error
    this.#drop()
  }

  #drop(): void {
    for (const { buffer } of this.#waiting.splice(0)) this.#buffers.release(buffer)
    if (this.#buffer !== undefined) this.#buffers.release(this.#buffer)
    this.#buffer = undefined
    this.#filled = 0
  }

  async #until(outstanding: number): Promise<void> {
    while (this.#failure === undefined && this.#outstanding >= outstanding) await this.#nextProgress()
    if (this.#failure !== undefined) throw this.#failure
  }

  #nextProgress(): Promise<void> {
    this.#progress ??= Promise.withResolvers()
    return this.#progress.promise
  }
}
