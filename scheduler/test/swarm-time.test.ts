import assert from 'node:assert/strict'
import { type ModelOptions, runModel } from './swarm-model.ts'

const EQUAL: Omit<ModelOptions, 'children' | 'pieces' | 'seed'> = { slots: 1, cdnSlots: 1, window: 4, originMs: 0 }
const SEEDS = [1, 2, 3, 4, 5]

/** Mundinger, Weber and Weiss 2008: with equal rates and one source, in pieces' times. */
function leastTime(children: number, pieces: number): number {
  return pieces + Math.floor(Math.log2(children))
}

describe('a swarm in which all send equally fast', () => {
  for (const [children, pieces] of [[32, 50], [32, 100], [100, 100], [3, 50]] as const) {
    it(`of ${children} children gets ${pieces} pieces in nearly the least possible time, nearly all from peers`, () => {
      for (const seed of SEEDS) {
        const { lastChild, fromCdn } = runModel({ ...EQUAL, children, pieces, seed })
        const slowdown = lastChild / leastTime(children, pieces)
        assert.ok(slowdown <= 1.1, `took ${slowdown.toFixed(3)} times the least`)
        assert.ok(fromCdn / pieces <= 1.05, `the CDN gave ${(fromCdn / pieces).toFixed(3)} copies of each piece`)
      }
    })
  }
})

describe('three cold children whose pieces come from the origin one at a time', () => {
  for (const [slots, cdnSlots] of [[1, 4], [4, 16], [8, 64]] as const) {
    it(`get most from each other with ${slots} slots each and ${cdnSlots} at the CDN`, () => {
      for (const originMs of [25, 100, 200]) {
        const swarm = { children: 3, pieces: 100, seed: 1, slots, cdnSlots, window: 8, originMs }
        const { fromPeers, fromCdn, fromCdnByChild } = runModel(swarm)
        assert.ok(fromPeers / (fromPeers + fromCdn) >= 0.6, `${fromPeers} from peers, ${fromCdn} from the CDN`)
        assert.ok(Math.max(...fromCdnByChild) <= 50, `the CDN's pieces are spread: ${fromCdnByChild.join(', ')}`)
      }
    })
  }

  it('finish no more than two pieces after the origin', () => {
    const swarm = { children: 3, pieces: 100, seed: 1, slots: 4, cdnSlots: 16, window: 8, originMs: 100 }
    const { lastChild } = runModel(swarm)
    assert.ok(lastChild <= 99 + 2, `${lastChild} pieces' times`)
  })
})

describe('peers that are much slower than the CDN', () => {
  const swarm = { children: 3, pieces: 100, seed: 1, slots: 1, cdnSlots: 16, window: 8, originMs: 10 }

  it('do not hold up the children', () => {
    const { lastChild } = runModel({ ...swarm, slowness: () => 10 })
    assert.ok(lastChild <= 100, `${lastChild} pieces' times, where one transfer from the CDN at a time takes 100`)
  })

  it('do not hold up the children if only one is slow', () => {
    const { lastChild } = runModel({ ...swarm, slots: 4, slowness: (child) => (child === 0 ? 50 : 1) })
    assert.ok(lastChild <= 160, `${lastChild} pieces' times`)
  })
})
