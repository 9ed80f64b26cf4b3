import assert from 'node:assert/strict'
import { ReadingPositions } from '../../src/download/reading-positions.ts'

describe('where a content is read while it arrives', () => {
  it('is at its beginning when nobody reads', () => {
    const positions = new ReadingPositions()
    assert.deepEqual([positions.firstByte, positions.next()], [0, 0])
  })

  it('is where each reader stands in turn', () => {
    const positions = new ReadingPositions()
    const readers = [0, 1000].map((start) => positions.begin(start))
    readers[0]?.moveTo(3)
    readers[1]?.moveTo(70)
    assert.equal(positions.firstByte, 1000)
    assert.deepEqual([positions.next(), positions.next(), positions.next()], [3, 70, 3])
    readers[0]?.moveTo(4)
    readers[1]?.end()
    assert.deepEqual([positions.next(), positions.next()], [4, 4])
    readers[0]?.end()
    assert.equal(positions.next(), 0)
  })
})
