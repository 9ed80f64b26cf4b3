import assert from 'node:assert/strict'
import { inOrder, type PieceOrderView, rarestFirst } from '../../src/policies/piece-order.ts'
import { seeded } from '../random.ts'

function viewOf(copies: readonly number[], firstMissing = 0): PieceOrderView {
  return { copiesOf: (piece) => copies[piece] ?? 0, firstMissing: () => firstMissing }
}

describe('rarest first', () => {
  it('takes the piece with the fewest copies', () => {
    assert.equal(rarestFirst().choose([0, 1, 2, 3], viewOf([3, 2, 1, 2]), seeded(1)), 2)
  })

  it('breaks ties by chance, and evenly', () => {
    const random = seeded(1)
    const chosen = [0, 0, 0, 0]
    const order = rarestFirst()
    for (let run = 0; run < 4000; run++) {
      const piece = order.choose([0, 1, 2, 3], viewOf([1, 1, 1, 1]), random)
      chosen[piece] = (chosen[piece] ?? 0) + 1
    }
    for (const times of chosen) assert.ok(times > 800 && times < 1200, `each about 1000 times: ${chosen.join(', ')}`)
  })
})

describe('in order', () => {
  it('takes the lowest piece within the window, however common it is', () => {
    assert.equal(inOrder(4).choose([6, 5, 9], viewOf([0, 0, 0, 0, 0, 7, 1, 0, 0, 0], 4), seeded(1)), 5)
  })

  it('takes the rarest piece past the window', () => {
    assert.equal(inOrder(4).choose([9, 8, 10], viewOf([0, 0, 0, 0, 0, 0, 0, 0, 1, 2, 3], 4), seeded(1)), 8)
  })
})
