import { createHash } from 'node:crypto'
import pLimit, { type LimitFunction } from 'p-limit'
import { digestsEqual, systemCode, type PieceRange, type Sha256 } from '@damselfly/shared'
import { BufferPool } from './buffer-pool.ts'
import type { TaskFile } from './task-file.ts'

/** Bytes read at once while checking. */
const READ_BYTES = 1024 * 1024

/** Tasks checked at the same time: hashing has one core, reading ahead for a second task keeps it busy. */
const MAX_CHECKS = 2

export interface RecordedPiece extends PieceRange {
  readonly digest: Sha256
}

/** Hashes recorded pieces again. */
export class PieceChecker {
  readonly #limit: LimitFunction = pLimit(MAX_CHECKS)
  readonly #buffers = new BufferPool(() => Buffer.allocUnsafeSlow(READ_BYTES), MAX_CHECKS)
  readonly #signal: AbortSignal

  /** @param signal ends what is being checked. */
  constructor(signal: AbortSignal) {
    this.#signal = signal
  }

  /**
   * @returns the indexes of pieces that do not have their digest.
   * @throws DamselflyError DISK_DENIED, DISK_FAILED; the signal's reason
   */
  badPieces(file: TaskFile, pieces: Iterable<RecordedPiece>): Promise<readonly number[]> {
    return this.#limit(async () => {
      const buffer = this.#buffers.acquire()
      try {
        const bad: number[] = []
        for (const piece of pieces) {
          this.#signal.throwIfAborted()
          if (!(await isGood(file, piece, buffer))) bad.push(piece.index)
        }
        return bad
      } finally {
        this.#buffers.release(buffer)
      }
    })
  }
}

/** A sector that cannot be read makes its piece a bad one, not the whole task. */
async function isGood(file: TaskFile, piece: RecordedPiece, buffer: Buffer): Promise<boolean> {
  try {
    return await hasItsDigest(file, piece, buffer)
  } catch (error) {
    if (error instanceof Error && systemCode(error.cause) === 'EIO') return false
    throw error
  }
}

async function hasItsDigest(file: TaskFile, piece: RecordedPiece, buffer: Buffer): Promise<boolean> {
  const hash = createHash('sha256')
  for (let done = 0; done < piece.length; ) {
    const target = buffer.subarray(0, Math.min(buffer.length, piece.length - done))
    const length = await file.read(target, piece.offset + done)
    if (length < target.length) return false
    hash.update(target)
    done += length
  }
  return digestsEqual(hash.digest(), piece.digest)
}
