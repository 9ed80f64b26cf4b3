import { extname } from 'node:path'
import { Worker } from 'node:worker_threads'
import { DamselflyError, messageOf } from '@damselfly/shared'
import type { ChunkDone, PieceChunk, ThreadTask } from './thread-messages.ts'

/** Who sent the chunks of a piece. */
export interface ChunkListener {
  /** One of them, in their order. */
  done(done: Omit<ChunkDone, 'piece'>): void
  /** The thread has ended; what is under way will not be answered, and what it knew of the piece is gone. */
  lost(error: DamselflyError): void
}

/** A thread that hashes and writes the bytes of pieces: started when the first come, and again should it end early. */
export class ThreadClient {
  readonly #listeners = new Map<number, ChunkListener>()
  #worker: Worker | undefined
  #lastPiece = 0

  /** @returns the piece's number in what the thread is told */
  begin(listener: ChunkListener): number {
    const piece = ++this.#lastPiece
    this.#listeners.set(piece, listener)
    return piece
  }

  send(chunk: PieceChunk): void {
    this.#worker ??= this.#start()
    this.#worker.postMessage(chunk)
  }

  /** Nothing of the piece is under way any more. May be called again. */
  end(piece: number): void {
    if (this.#listeners.delete(piece)) this.#worker?.postMessage({ type: 'dropped', piece } satisfies ThreadTask)
  }

  async stop(): Promise<void> {
    await this.#worker?.terminate()
  }

  #start(): Worker {
    const here = import.meta.url
    // Its neighbour: as a source, as compiled, and in a bundle.
    const worker = new Worker(new URL(`./writing-thread${extname(here)}`, here), { name: 'writing' })
    worker.on('message', ({ piece, ...done }: ChunkDone) => this.#listeners.get(piece)?.done(done))
    worker.on('error', (error) => this.#ended(worker, messageOf(error)))
    worker.on('exit', () => this.#ended(worker, 'it exited'))
    // Whoever waits for an answer holds the process by what it waits for itself.
    worker.unref()
    return worker
  }

  #ended(worker: Worker, why: string): void {
    if (this.#worker !== worker) return
    this.#worker = undefined
    const error = new DamselflyError('DISK_FAILED', `the thread that writes pieces has ended: ${why}`)
    for (const listener of this.#listeners.values()) listener.lost(error)
  }
}
