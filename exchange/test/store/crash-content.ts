import type { TaskRecord } from '../../src/store/piece-store.ts'
import { contentOf, taskRecord } from '../../src/store/testing/task-fixtures.ts'

/** Pieces enough for ten runs that each end after a few. */
const PIECES = 150
const PIECE_SIZE = 300_000

/** The last piece is a short one. */
const LENGTH = PIECES * PIECE_SIZE - 1234

/** One random block over and over, shifted in each piece so that no two pieces are the same. */
export const CRASH_CONTENT: Uint8Array = repeat(contentOf(PIECE_SIZE + 7, 'crash'))

export const CRASH_RECORD: TaskRecord = taskRecord({ contentLength: LENGTH, pieceSize: PIECE_SIZE })

function repeat(block: Uint8Array): Uint8Array {
  const content = new Uint8Array(LENGTH)
  for (let offset = 0; offset < LENGTH; offset += block.length) {
    content.set(block.subarray(0, LENGTH - offset), offset)
  }
  return content
}
