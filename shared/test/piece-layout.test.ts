import assert from 'node:assert/strict'
import {
  DEFAULT_PIECE_SIZE,
  MAX_PIECE_SIZE,
  MAX_PIECES,
  MIN_PIECE_SIZE,
  PieceLayout,
  pieceSizeFor,
} from '@damselfly/shared'
import fc from 'fast-check'

const GIB = 2 ** 30
const TIB = 2 ** 40
const PIB = 2 ** 50

describe('PieceLayout', () => {
  it('covers the content without gap or overlap', () => {
    fc.assert(
      fc.property(fc.nat(100_000), fc.integer({ min: 1, max: 5000 }), (contentLength, pieceSize) => {
        fc.pre(contentLength / pieceSize < 5000)
        const layout = new PieceLayout(contentLength, pieceSize)
        let end = 0
        for (let index = 0; index < layout.pieceCount; index++) {
          const piece = layout.piece(index)
          assert.equal(piece.offset, end)
          assert.ok(piece.length > 0 && piece.length <= pieceSize)
          end += piece.length
        }
        assert.equal(end, contentLength)
      }),
    )
  })

  const pieceSize = 1000
  for (const [contentLength, lengths] of [
    [0, []],
    [1, [1]],
    [999, [999]],
    [1000, [1000]],
    [1001, [1000, 1]],
  ] as const) {
    it(`cuts ${contentLength} bytes into ${lengths.length} pieces of at most ${pieceSize}`, () => {
      const layout = new PieceLayout(contentLength, pieceSize)
      const found = Array.from({ length: layout.pieceCount }, (_, index) => layout.piece(index).length)
      assert.deepEqual(found, lengths)
    })
  }

  for (const index of [-1, 2, 0.5, Number.NaN]) {
    it(`has no piece ${index} among two`, () => {
      assert.throws(() => new PieceLayout(2000, 1000).piece(index), RangeError)
    })
  }

  for (const [contentLength, size] of [
    [-1, 1],
    [0.5, 1],
    [2 ** 53, 1 << 30],
    [Number.NaN, 1],
    [1, 0],
    [1, 0.5],
    [1, Number.POSITIVE_INFINITY],
    [MAX_PIECES + 1, 1],
  ] as const) {
    it(`refuses ${contentLength} bytes in pieces of ${size}`, () => {
      assert.throws(() => new PieceLayout(contentLength, size), RangeError)
    })
  }
})

describe('pieceSizeFor', () => {
  it('gives every possible content a layout, in a power of two', () => {
    fc.assert(
      fc.property(fc.maxSafeNat(), (contentLength) => {
        const size = pieceSizeFor(contentLength)
        assert.ok(Number.isInteger(Math.log2(size)))
        assert.ok(new PieceLayout(contentLength, size).pieceCount <= MAX_PIECES)
      }),
    )
  })

  it('never gives a longer content smaller pieces', () => {
    fc.assert(
      fc.property(fc.maxSafeNat(), fc.maxSafeNat(), (a, b) => {
        assert.ok(pieceSizeFor(Math.min(a, b)) <= pieceSizeFor(Math.max(a, b)))
      }),
    )
  })

  it('keeps between the least and the greatest size up to 16 TiB', () => {
    assert.equal(pieceSizeFor(0), MIN_PIECE_SIZE)
    assert.equal(pieceSizeFor(1), MIN_PIECE_SIZE)
    assert.equal(pieceSizeFor(GIB), 4 * 2 ** 20)
    assert.equal(pieceSizeFor(16 * TIB), MAX_PIECE_SIZE)
    assert.equal(pieceSizeFor(16 * TIB + 1), 2 * MAX_PIECE_SIZE)
  })

  it('does not lose the last byte of 4 PiB and one to rounding', () => {
    const contentLength = 4 * PIB + 1
    assert.ok(new PieceLayout(contentLength, pieceSizeFor(contentLength)).pieceCount <= MAX_PIECES)
  })

  it('has a size for contents of unknown length', () => {
    assert.equal(pieceSizeFor(undefined), DEFAULT_PIECE_SIZE)
  })
})
