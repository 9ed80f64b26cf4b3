import assert from 'node:assert/strict'
import { inOrder, type PieceChoices, rarestFirst } from '../../src/policies/piece-order.ts'
import { seeded } from '../random.ts'

/** @param pieces in ascending order */
function choicesOf(pieces: readonly number[], rarest: number | undefined, firstMissing = 0): PieceChoices {
  return {
    rarest: () => rarest,
    lowestBefore: (end) => pieces.find((piece) => piece < end),
    has: (piece) => pieces.includes(piece),
    all: () => pieces,
    copiesOf: () => 1,
    firstMissing: () => firstMissing,
  }
}

describe('rarest first', () => {
  it('takes the piece with the fewest copies', () => {
    assert.equal(rarestFirst().choose(choicesOf([0, 1, 2, 3], 2), seeded(1)), 2)
  })

  it('takes nothing where there is nothing', () => {
    assert.equal(rarestFirst().choose(choicesOf([], undefined), seeded(1)), undefined)
  })
})

describe('in order', () => {
  it('takes the lowest piece within the window, however common it is', () => {
    assert.equal(inOrder(4).choose(choicesOf([5, 6, 9], 6, 4), seeded(1)), 5)
  })

  it('takes the rarest piece past the window', () => {
    assert.equal(inOrder(4).choose(choicesOf([8, 9, 10], 9, 4), seeded(1)), 9)
  })
})
