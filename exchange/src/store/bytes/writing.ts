import { BufferPool } from '../buffer-pool.ts'
import type { TaskFile } from '../task-file.ts'
import { BytesHere } from './bytes-here.ts'
import { BytesInThread } from './bytes-in-thread.ts'
import { ChunkWriter } from './chunk-writer.ts'
import type { PieceBytes } from './piece-bytes.ts'
import { ThreadClient } from './thread-client.ts'

/** What one disk write carries: large enough to be cheap per byte, small enough for the CPU's cache; bytes. */
const CHUNK_BYTES = 256 * 1024

/** Chunk buffers kept for the next writer: 16 MiB. */
const FREE_CHUNKS = 64

/** Pieces that are shorter are done before another thread has woken up; bytes. */
const WORTH_A_THREAD = 1024 * 1024

/** How a store's pieces are hashed and written. */
export interface Writing {
  /** @param position bytes from the start of the file. @param length of the piece; bytes */
  begin(file: TaskFile, position: number, length: number): PieceBytes
  stop(): Promise<void>
}

/** In the thread that the bytes come in: the cheapest way. */
export function writingHere(): Writing {
  const buffers = new BufferPool(() => Buffer.allocUnsafeSlow(CHUNK_BYTES), FREE_CHUNKS)
  return {
    begin: (file, position) => new BytesHere(new ChunkWriter(file, buffers, position)),
    stop: () => Promise.resolve(),
  }
}

/** Large pieces in a thread of their own: one copy more, which leaves this thread to others. */
export function writingInThread(): Writing {
  const here = writingHere()
  const thread = new ThreadClient()
  const buffers = new BufferPool(() => Buffer.from(new SharedArrayBuffer(CHUNK_BYTES)), FREE_CHUNKS)
  return {
    begin: (file, position, length) =>
      length < WORTH_A_THREAD ? here.begin(file, position, length) : new BytesInThread(file, { thread, buffers }, position),
    stop: () => thread.stop(),
  }
}
