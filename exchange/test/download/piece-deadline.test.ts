import assert from 'node:assert/strict'
import { PieceDeadline } from '../../src/download/piece-deadline.ts'

describe('the deadline of a piece', () => {
  it('is generous while nothing is known', () => {
    const deadline = new PieceDeadline()
    assert.equal(deadline.deadline, 10_000)
    assert.equal(deadline.hedgeAfter, undefined)
  })

  it('follows pieces that come fast, but not below two seconds', () => {
    const deadline = new PieceDeadline()
    for (let i = 0; i < 50; i++) deadline.measured(20)
    assert.equal(deadline.deadline, 2_000)
    assert.ok((deadline.hedgeAfter ?? 0) <= 200)
  })

  it('grows with slow and uneven parents, but not above half a minute', () => {
    const deadline = new PieceDeadline()
    for (let i = 0; i < 50; i++) deadline.measured(i % 2 === 0 ? 3_000 : 5_000)
    assert.ok(deadline.deadline > 6_000 && deadline.deadline < 12_000, `${deadline.deadline}`)
    for (let i = 0; i < 50; i++) deadline.measured(60_000)
    assert.equal(deadline.deadline, 30_000)
  })
})
