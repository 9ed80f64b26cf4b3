import assert from 'node:assert/strict'
import fc from 'fast-check'
import { Bitset, PieceLayout } from '@damselfly/shared'
import { portionSize } from '../../src/fetch-once/portion-size.ts'
import { Portions, type Portion } from '../../src/fetch-once/portions.ts'

const MIB = 1024 * 1024

/** What is stored of a content, without bytes. */
class Held {
  readonly layout: PieceLayout
  readonly #have: Bitset

  constructor(contentLength: number, pieceSize: number, held: Iterable<number>) {
    this.layout = new PieceLayout(contentLength, pieceSize)
    this.#have = Bitset.of(this.layout.pieceCount, [...held].filter((index) => index < this.layout.pieceCount))
  }

  have(): Bitset {
    return this.#have.clone()
  }

  store({ start, end }: Portion): void {
    for (let at = start; at < end; at += this.layout.pieceSize) this.#have.add(at / this.layout.pieceSize)
  }
}

describe('the portions of a content', () => {
  it('cover just what is missing, once, whoever takes, finishes or fails in whatever order', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 40 * MIB }),
        fc.constantFrom(1, 2, 4).map((size) => size * MIB),
        fc.uniqueArray(fc.nat(39)),
        fc.array(fc.record({ does: fc.constantFrom('take', 'finish', 'fail'), bytes: fc.integer({ min: 1, max: 20 * MIB }), which: fc.nat() })),
        (length, pieceSize, held, steps) => {
          const stored = new Held(length, pieceSize, held)
          const before = stored.have()
          const portions = new Portions(stored)
          const taken: Portion[] = []
          const fetched: Portion[] = []
          const finish = (portion: Portion): void => {
            stored.store(portion)
            portions.giveBack(portion)
            fetched.push(portion)
          }
          for (const { does, bytes, which } of steps) {
            const portion = does === 'take' ? portions.take(bytes) : taken[which % Math.max(1, taken.length)]
            if (portion === undefined) continue
            if (does === 'take') {
              assert.ok(portion.end - portion.start <= Math.max(bytes, pieceSize))
              assert.ok(taken.every((other) => portion.end <= other.start || portion.start >= other.end), 'no two overlap')
              taken.push(portion)
              continue
            }
            taken.splice(taken.indexOf(portion), 1)
            if (does === 'finish') finish(portion)
            else portions.giveBack(portion)
          }
          for (const portion of taken) finish(portion)
          for (let rest = portions.take(MIB); rest !== undefined; rest = portions.take(MIB)) finish(rest)
          const missing = [...Array(stored.layout.pieceCount).keys()].filter((index) => !before.has(index))
          const bytes = missing.reduce((sum, index) => sum + stored.layout.piece(index).length, 0)
          assert.ok(stored.have().isFull)
          assert.equal(fetched.reduce((sum, { start, end }) => sum + end - start, 0), bytes, 'every byte comes once')
        },
      ),
    )
  })

  it('begin where somebody reads, and what is before that comes last', () => {
    const portions = new Portions(new Held(10 * MIB, MIB, [7]))
    const starts = [5, 5, 5, 0, 99].map((from) => portions.take(2 * MIB, from * MIB)).map((portion) => [portion?.start, portion?.end].map((at) => (at ?? -1) / MIB))
    assert.deepEqual(starts, [[5, 7], [8, 10], [0, 2], [2, 4], [4, 5]])
  })

  it('are none while nobody knows how long the content is', () => {
    assert.equal(new Portions({ have: () => new Bitset(0), layout: undefined }).take(MIB), undefined)
  })
})

describe('the size of a portion', () => {
  it('is what takes two seconds, within limits, and a fair share near the end', () => {
    const pace = { received: 400 * MIB, seconds: 4, connections: 2, left: 1000 * MIB }
    assert.equal(portionSize(pace), 100 * MIB)
    assert.equal(portionSize({ ...pace, received: 0 }), 16 * MIB)
    assert.equal(portionSize({ ...pace, connections: 1, seconds: 0.1 }), 256 * MIB)
    assert.equal(portionSize({ ...pace, left: 20 * MIB }), 10 * MIB)
  })
})
