import assert from 'node:assert/strict'
import { ReadingPositions } from '../../src/download/reading-positions.ts'

/** Bytes of a piece. */
const PIECE = 100

describe('where a content is read while it arrives', () => {
  it('is at its beginning when nobody reads', () => {
    const positions = new ReadingPositions()
    assert.deepEqual([positions.firstByte, positions.next(PIECE)], [0, 0])
  })

  it('is where each reader stands in turn', () => {
    const positions = new ReadingPositions()
    const readers = [0, 1000].map((start) => positions.begin(start))
    readers[0]?.moveTo(3)
    readers[1]?.moveTo(70)
    assert.equal(positions.firstByte, 1000)
    assert.deepEqual([positions.next(PIECE), positions.next(PIECE), positions.next(PIECE)], [3, 70, 3])
    readers[0]?.moveTo(4)
    readers[1]?.end()
    assert.deepEqual([positions.next(PIECE), positions.next(PIECE)], [4, 4])
    readers[0]?.end()
    assert.equal(positions.next(PIECE), 0)
  })

  it('is at a byte before anything is known of the pieces, and is told when somebody begins', () => {
    const positions = new ReadingPositions()
    let begun = 0
    positions.tell(() => begun++)
    const reader = positions.begin(1250)
    assert.deepEqual([positions.hasReaders, positions.next(PIECE), begun], [true, 12, 1])
    reader.end()
    positions.tell(undefined)
    positions.begin(0)
    assert.equal(begun, 1)
  })
})
