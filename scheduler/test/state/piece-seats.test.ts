import assert from 'node:assert/strict'
import fc from 'fast-check'
import { IndexSet } from '../../src/state/index-set.ts'
import { PieceSeats } from '../../src/state/piece-seats.ts'

const PIECES = 6
const SEATS = 130

interface Holding {
  readonly piece: number
  readonly seat: number
}

const holding: fc.Arbitrary<Holding> = fc.record({ piece: fc.nat(PIECES - 1), seat: fc.nat(SEATS - 1) })

describe('the holders of pieces', () => {
  it('are found among others, from any seat on and around', () => {
    fc.assert(
      fc.property(
        fc.array(holding, { maxLength: 300, size: 'max' }),
        fc.array(holding),
        fc.uniqueArray(fc.nat(SEATS - 1), { maxLength: 60, size: 'max' }),
        fc.nat(SEATS * 2),
        (gains, losses, seats, from) => {
          const holders = new PieceSeats()
          const plain = Array.from({ length: PIECES }, () => new Set<number>())
          for (const { piece, seat } of gains) {
            holders.add(piece, seat)
            plain[piece]?.add(seat)
          }
          for (const { piece, seat } of losses) {
            holders.delete(piece, seat)
            plain[piece]?.delete(seat)
          }
          const among = new IndexSet()
          for (const seat of seats) among.add(seat)
          plain.forEach((held, piece) => {
            const met: number[] = []
            const hadEnough = holders.search(piece, among, from, { visit: (seat) => met.push(seat) > SEATS })
            assert.equal(hadEnough, false)
            const expected = seats.filter((seat) => held.has(seat))
            assert.deepEqual(met.toSorted(ascending), expected.toSorted(ascending))
            assertRotated(met, from % Math.max(32, among.wordCount * 32))
          })
        },
      ),
    )
  })

  it('are no longer searched for once there are enough', () => {
    const holders = new PieceSeats()
    const among = new IndexSet()
    for (const seat of [3, 40, 70]) {
      holders.add(0, seat)
      among.add(seat)
    }
    const met: number[] = []
    assert.equal(holders.search(0, among, 4, { visit: (seat) => met.push(seat) === 2 }), true)
    assert.deepEqual(met, [40, 70])
  })
})

function ascending(a: number, b: number): number {
  return a - b
}

/** Those from `from` on come first; both parts ascend. */
function assertRotated(met: readonly number[], from: number): void {
  const turned = [...met.filter((seat) => seat >= from), ...met.filter((seat) => seat < from)]
  assert.deepEqual(met, turned)
  assert.deepEqual(met.filter((seat) => seat >= from), met.filter((seat) => seat >= from).toSorted(ascending))
}
