import assert from 'node:assert/strict'
import fc from 'fast-check'
import { FAULTS } from '../../src/chaos/faults.ts'
import { peerNames, planOf } from '../../src/chaos/plan.ts'

const inits = fc.record({ seed: fc.nat(), seconds: fc.integer({ min: 30, max: 600 }), peers: fc.integer({ min: 2, max: 12 }) })

describe('a plan of chaos', () => {
  it('is the same for the same seed, and another for another', () => {
    const init = { seed: 7, seconds: 300, peers: 8 }
    assert.deepEqual(planOf(init), planOf(init))
    assert.notDeepEqual(planOf(init), planOf({ ...init, seed: 8 }))
  })

  it('lets one thing at a time go wrong with a host, and only what can', () => {
    fc.assert(
      fc.property(inits, (init) => {
        const { faults } = planOf(init)
        for (const { kind, host, from, until } of faults) {
          assert.ok(until >= from && until <= init.seconds)
          assert.ok(FAULTS[kind].roles.includes(host === 'supernode' || host === 'origin' ? host : 'peer'))
          assert.ok(faults.every((other) => other.host !== host || other.from === from || other.from > until || other.until < from))
        }
      }),
    )
  })

  it('asks for contents at peers that are there, until the faults are over', () => {
    fc.assert(
      fc.property(inits, (init) => {
        const { downloads } = planOf(init)
        assert.ok(downloads.every(({ peer, size, at }) => peerNames(init.peers).includes(peer) && size > 0 && at >= 0 && at < init.seconds + 10))
      }),
    )
  })

  it('keeps to chosen faults', () => {
    const { faults } = planOf({ seed: 1, seconds: 300, peers: 8, kinds: ['kill', 'loss'] })
    assert.deepEqual(new Set(faults.map(({ kind }) => kind)), new Set(['kill', 'loss']))
  })
})
