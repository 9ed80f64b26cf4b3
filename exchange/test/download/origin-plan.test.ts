import assert from 'node:assert/strict'
import fc from 'fast-check'
import { PieceLayout } from '@damselfly/shared'
import { nextRun, RUN_BYTES } from '../../src/download/origin-plan.ts'

const MIB = 1024 * 1024

describe('the next pieces to ask an origin for', () => {
  it('lie next to each other and fill one request', () => {
    const layout = new PieceLayout(100 * MIB, 4 * MIB)
    assert.deepEqual(nextRun(layout, () => true), { first: 0, last: RUN_BYTES / (4 * MIB) - 1 })
  })

  it('are at least one piece, however large', () => {
    const layout = new PieceLayout(100 * MIB, 2 * RUN_BYTES)
    assert.deepEqual(nextRun(layout, () => true), { first: 0, last: 0 })
  })

  it('begin where something is wanted most, and come back to what is before it', () => {
    const layout = new PieceLayout(10 * MIB, 4 * MIB)
    assert.deepEqual(nextRun(layout, () => true, 1), { first: 1, last: 2 })
    assert.deepEqual(nextRun(layout, (index) => index === 0, 1), { first: 0, last: 0 })
  })

  it('are none when everything is here or under way', () => {
    assert.equal(nextRun(new PieceLayout(10, 4), () => false), undefined)
    assert.equal(nextRun(new PieceLayout(0, 4), () => true), undefined)
  })

  it('cover every open piece exactly once when taken one run after the other', () => {
    fc.assert(
      fc.property(fc.array(fc.boolean(), { maxLength: 200 }), (open) => {
        const layout = new PieceLayout(open.length * MIB, MIB)
        const left = new Set(open.flatMap((isOpen, index) => (isOpen ? [index] : [])))
        for (;;) {
          const run = nextRun(layout, (index) => left.has(index))
          if (run === undefined) break
          for (let index = run.first; index <= run.last; index++) assert.ok(left.delete(index), `piece ${index} twice`)
        }
        assert.equal(left.size, 0)
      }),
    )
  })
})
