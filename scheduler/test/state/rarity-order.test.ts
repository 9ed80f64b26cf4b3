import assert from 'node:assert/strict'
import fc from 'fast-check'
import { RarityOrder } from '../../src/state/rarity-order.ts'
import { seeded } from '../random.ts'

const SIZE = 20

const anyPiece = { accepts: () => true }

describe('the order of pieces by rarity', () => {
  it('finds the rarest accepted piece, whatever copies come and go', () => {
    const change = fc.record({ piece: fc.nat(SIZE - 1), isMore: fc.boolean() })
    fc.assert(
      fc.property(fc.array(change), fc.uniqueArray(fc.nat(SIZE - 1)), fc.nat(3), fc.nat(), (changes, accepted, fewest, seed) => {
        const order = new RarityOrder()
        order.resize(SIZE)
        const copies = Array.from({ length: SIZE }, () => 0)
        for (const { piece, isMore } of changes) {
          const before = copies[piece] ?? 0
          if (!isMore && before === 0) continue
          copies[piece] = before + (isMore ? 1 : -1)
          if (isMore) order.addCopy(piece)
          else order.dropCopy(piece)
        }
        for (let piece = 0; piece < SIZE; piece++) assert.equal(order.copiesOf(piece), copies[piece])
        const found = order.rarest({ accepts: (piece) => accepted.includes(piece) }, fewest, seeded(seed))
        const counts = accepted.map((piece) => copies[piece] ?? 0).filter((count) => count >= fewest)
        if (found === undefined) return assert.deepEqual(counts, [])
        assert.ok(accepted.includes(found))
        assert.equal(copies[found], Math.min(...counts))
      }),
    )
  })

  it('breaks ties by chance, and evenly', () => {
    const order = new RarityOrder()
    order.resize(4)
    const random = seeded(1)
    const chosen = [0, 0, 0, 0]
    for (let run = 0; run < 4000; run++) {
      const piece = order.rarest(anyPiece, 0, random) as number
      chosen[piece] = (chosen[piece] ?? 0) + 1
    }
    for (const times of chosen) assert.ok(times > 800 && times < 1200, `each about 1000 times: ${chosen.join(', ')}`)
  })

  it('grows by pieces without copies, and shrinks by them', () => {
    const order = new RarityOrder()
    order.resize(2)
    order.addCopy(0)
    order.addCopy(1)
    order.resize(3)
    assert.equal(order.rarest(anyPiece, 0, seeded(1)), 2)
    order.dropCopy(1)
    order.resize(1)
    assert.equal(order.rarest(anyPiece, 0, seeded(1)), 0)
    order.resize(0)
    assert.equal(order.rarest(anyPiece, 0, seeded(1)), undefined)
  })
})
