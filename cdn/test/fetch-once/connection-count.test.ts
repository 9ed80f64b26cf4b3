import assert from 'node:assert/strict'
import { VirtualClock } from '@damselfly/shared'
import { ConnectionCount, LOOK_EVERY_MS } from '../../src/fetch-once/connection-count.ts'

describe('the number of connections to an origin', () => {
  it('grows as long as each brings as much as those before', () => {
    const origin = new PacedOrigin({ perConnection: 10e6, inAll: Infinity, max: 4 })
    origin.goOn(3_000)
    assert.equal(origin.count.wanted, 4)
  })

  it('stays at one where one is as fast as the line, and is tried again only after a while', () => {
    const origin = new PacedOrigin({ perConnection: 100e6, inAll: 100e6, max: 4 })
    const most = origin.goOn(20_000)
    assert.equal(origin.count.wanted, 1)
    assert.deepEqual(most, { connections: 2, lookedAtTwo: 3 })
    assert.equal(origin.goOn(40_000).connections, 2)
  })

  it('ends at as many as fill the line', () => {
    const origin = new PacedOrigin({ perConnection: 10e6, inAll: 25e6, max: 8 })
    origin.goOn(10_000)
    assert.equal(origin.count.wanted, 3)
  })

  it('falls when the origin does not take so many', () => {
    const origin = new PacedOrigin({ perConnection: 10e6, inAll: Infinity, max: 2 })
    origin.goOn(2_000)
    origin.count.failed()
    origin.goOn(10_000)
    assert.equal(origin.count.wanted, 1)
  })

  it('never exceeds one where no more are allowed', () => {
    const origin = new PacedOrigin({ perConnection: 10e6, inAll: Infinity, max: 1 })
    assert.equal(origin.goOn(100_000).connections, 1)
  })
})

/** Gives every connection the same, up to what all may have; bytes per second. */
class PacedOrigin {
  readonly count: ConnectionCount
  readonly #clock = new VirtualClock()
  readonly #rates: { readonly perConnection: number; readonly inAll: number }
  #received = 0

  constructor({ max, ...rates }: { readonly perConnection: number; readonly inAll: number; readonly max: number }) {
    this.#rates = rates
    this.count = new ConnectionCount(max, this.#clock)
  }

  /** @returns the most connections, and how many looks there were while two were wanted */
  goOn(ms: number): { readonly connections: number; readonly lookedAtTwo: number } {
    let connections = 0
    let lookedAtTwo = 0
    for (let passed = 0; passed < ms; passed += LOOK_EVERY_MS) {
      const { perConnection, inAll } = this.#rates
      this.#clock.advance(LOOK_EVERY_MS)
      this.#received += (Math.min(inAll, perConnection * this.count.wanted) * LOOK_EVERY_MS) / 1000
      if (this.count.wanted === 2) lookedAtTwo++
      this.count.look(this.#received)
      connections = Math.max(connections, this.count.wanted)
    }
    return { connections, lookedAtTwo }
  }
}
