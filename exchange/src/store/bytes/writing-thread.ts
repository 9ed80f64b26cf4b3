import { createHash, type Hash } from 'node:crypto'
import { writeSync } from 'node:fs'
import { parentPort } from 'node:worker_threads'
import type { ChunkDone, PieceChunk, ThreadTask } from './thread-messages.ts'

// What runs in the other thread. It takes nothing but Node.js, so that it is there at once.

const port = parentPort
if (port === null) throw new Error('this is to run in a thread of its own')

const hashes = new Map<number, Hash>()

port.on('message', (task: ThreadTask) => {
  if (task.type === 'dropped') hashes.delete(task.piece)
  else port.postMessage(attempt(task))
})

function attempt(chunk: PieceChunk): ChunkDone {
  const { piece } = chunk
  try {
    return { piece, digest: take(chunk) }
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException
    return { piece, failure: { code, message } }
  }
}

/** Hashing comes first, since it brings the bytes into the cache of this core. @returns the digest of a piece that ends */
function take({ piece, memory, length, descriptor, position, isLast }: PieceChunk): Uint8Array | undefined {
  const bytes = new Uint8Array(memory, 0, length)
  const hash = hashes.get(piece) ?? createHash('sha256')
  hash.update(bytes)
  hashes.set(piece, hash)
  for (let done = 0; done < length; ) done += writeSync(descriptor, bytes, done, length - done, position + done)
  if (!isLast) return undefined
  hashes.delete(piece)
  return new Uint8Array(hash.digest())
}
