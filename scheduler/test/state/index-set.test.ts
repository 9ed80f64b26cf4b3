import assert from 'node:assert/strict'
import fc from 'fast-check'
import { IndexSet } from '../../src/state/index-set.ts'

const pieces = fc.uniqueArray(fc.nat(130))

function setOf(members: readonly number[]): IndexSet {
  const set = new IndexSet()
  for (const member of members) set.add(member)
  return set
}

describe('a set of indices', () => {
  it('agrees with a plain set, whatever is added and deleted', () => {
    fc.assert(
      fc.property(fc.array(fc.tuple(fc.boolean(), fc.nat(130))), (steps) => {
        const set = new IndexSet()
        const plain = new Set<number>()
        for (const [isAdd, piece] of steps) {
          assert.equal(isAdd ? set.add(piece) : set.delete(piece), isAdd ? !plain.has(piece) : plain.has(piece))
          if (isAdd) plain.add(piece)
          else plain.delete(piece)
        }
        assert.equal(set.count, plain.size)
        assert.deepEqual([...set.members()], [...plain].toSorted((a, b) => a - b))
        for (let piece = 0; piece <= 160; piece++) assert.equal(set.has(piece), plain.has(piece))
        let missing = 0
        while (plain.has(missing)) missing++
        assert.equal(set.firstMissing(), missing)
        for (const from of [1, 31, 32, 100, 200]) {
          while (missing < from || plain.has(missing)) missing++
          assert.equal(set.firstMissing(from), missing)
          assert.deepEqual([...set.members(from)], [...plain].filter((piece) => piece >= from).toSorted((a, b) => a - b))
        }
      }),
    )
  })

  it('finds its first gap also behind whole words', () => {
    for (const size of [0, 31, 32, 63, 64, 65]) {
      assert.equal(setOf(Array.from({ length: size }, (_, piece) => piece)).firstMissing(), size)
    }
  })

  it('compares and collects as plain sets do', () => {
    fc.assert(
      fc.property(pieces, pieces, pieces, (a, b, c) => {
        const [setA, setB, setC] = [setOf(a), setOf(b), setOf(c)]
        const ascending = a.toSorted((x, y) => x - y)
        const shared = ascending.filter((piece) => b.includes(piece))
        for (const from of [0, 31, 32, 100]) {
          assert.equal(setA.firstShared(setB, from), shared.find((piece) => piece >= from))
        }
        const inBoth = shared.filter((piece) => c.includes(piece))
        assert.equal(setA.intersects(setB), a.some((piece) => b.includes(piece)))
        assert.equal(setA.intersectsBoth(setB, setC), inBoth.length > 0)
        assert.equal(setA.intersectsOutside(setB, setC), shared.some((piece) => !c.includes(piece)))
      }),
    )
  })
})
