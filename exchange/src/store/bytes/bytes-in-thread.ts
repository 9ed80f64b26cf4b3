import { diskError, type Sha256 } from '@damselfly/shared'
import type { BufferPool } from '../buffer-pool.ts'
import type { FileLease } from '../file-lease.ts'
import type { PieceBytes } from './piece-bytes.ts'
import type { ThreadClient } from './thread-client.ts'
import type { ChunkDone } from './thread-messages.ts'

/** Chunks of one piece on their way through the thread; more would only hold memory. */
const MAX_OUTSTANDING = 4

/** The file that a piece lies in. */
export interface ThreadTarget {
  readonly path: string
  /** Keeps the file open until it is released. @throws DamselflyError DISK_DENIED, DISK_FAILED */
  lease(): Promise<FileLease>
}

/** What all pieces of a store share. */
export interface ThreadServices {
  readonly thread: ThreadClient
  readonly buffers: BufferPool<Buffer<SharedArrayBuffer>>
}

/** Gathered into shared memory; hashed and written by another thread. */
export class BytesInThread implements PieceBytes {
  readonly #file: ThreadTarget
  readonly #services: ThreadServices
  readonly #piece: number
  /** In the order in which the thread answers. */
  readonly #outstanding: Buffer<SharedArrayBuffer>[] = []
  #lease: Promise<FileLease> | undefined
  #buffer: Buffer<SharedArrayBuffer> | undefined
  #filled = 0
  #position: number
  #digest: Sha256 | undefined
  #failure: Error | undefined
  #progress: PromiseWithResolvers<void> | undefined

  /** @param position bytes from the start of the file. */
  constructor(file: ThreadTarget, services: ThreadServices, position: number) {
    this.#file = file
    this.#services = services
    this.#position = position
    this.#piece = services.thread.begin({
      done: (done) => this.#answered(done),
      lost: (error) => this.#lost(error),
    })
  }

  append(bytes: Uint8Array): void {
    for (let taken = 0; taken < bytes.length && this.#failure === undefined; ) {
      this.#buffer ??= this.#services.buffers.acquire()
      const part = bytes.subarray(taken, taken + this.#buffer.length - this.#filled)
      this.#buffer.set(part, this.#filled)
      this.#filled += part.length
      taken += part.length
      if (this.#filled === this.#buffer.length) this.#send(this.#buffer, false)
    }
  }

  room(): Promise<void> | undefined {
    return this.#failure === undefined && this.#outstanding.length < MAX_OUTSTANDING ? undefined : this.#until(MAX_OUTSTANDING)
  }

  async finish(): Promise<Sha256> {
    if (this.#failure === undefined) this.#send(this.#buffer ?? this.#services.buffers.acquire(), true)
    await this.#until(1)
    this.#end()
    if (this.#digest === undefined) throw new Error('the writing thread has forgotten the digest')
    return this.#digest
  }

  async settle(): Promise<void> {
    while (this.#outstanding.length > 0) await this.#nextProgress()
  }

  async discard(): Promise<void> {
    this.#drop()
    await this.settle()
    this.#end()
  }

  #send(buffer: Buffer<SharedArrayBuffer>, isLast: boolean): void {
    const chunk = { type: 'chunk', piece: this.#piece, memory: buffer.buffer, length: this.#filled, position: this.#position, isLast } as const
    this.#position += this.#filled
    this.#buffer = undefined
    this.#filled = 0
    this.#outstanding.push(buffer)
    this.#lease ??= this.#file.lease()
    this.#lease.then(
      // A thread that was started anew would take it for the first one of its piece.
      ({ descriptor }) => this.#failure === undefined && this.#services.thread.send({ ...chunk, descriptor }),
      (error: Error) => this.#lost(error),
    )
  }

  #answered({ digest, failure }: Omit<ChunkDone, 'piece'>): void {
    const buffer = this.#outstanding.shift()
    if (buffer !== undefined) this.#services.buffers.release(buffer)
    this.#digest = digest
    if (failure !== undefined) this.#fail(diskError(Object.assign(new Error(failure.message), { code: failure.code }), `write ${this.#file.path}`))
    this.#tell()
  }

  /** No chunk that is on its way will be answered. */
  #lost(error: Error): void {
    this.#outstanding.length = 0
    this.#fail(error)
    this.#tell()
  }

  #fail(error: Error): void {
    this.#failure ??= error
    this.#drop()
  }

  #drop(): void {
    if (this.#buffer !== undefined) this.#services.buffers.release(this.#buffer)
    this.#buffer = undefined
    this.#filled = 0
  }

  #end(): void {
    this.#services.thread.end(this.#piece)
    this.#lease?.then((lease) => lease.release(), () => undefined)
    this.#lease = undefined
  }

  async #until(outstanding: number): Promise<void> {
    while (this.#failure === undefined && this.#outstanding.length >= outstanding) await this.#nextProgress()
    if (this.#failure !== undefined) throw this.#failure
  }

  #tell(): void {
    this.#progress?.resolve()
    this.#progress = undefined
  }

  #nextProgress(): Promise<void> {
    this.#progress ??= Promise.withResolvers()
    return this.#progress.promise
  }
}
