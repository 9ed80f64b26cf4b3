import assert from 'node:assert/strict'
import { TimeShares } from '../../src/rates/time-shares.ts'
import { VirtualClock } from '../../src/virtual-clock.ts'

describe('shares of time', () => {
  const sharesOf = (clock: VirtualClock): TimeShares<string> => new TimeShares({ share: 0.25, burstMs: 100, clock })

  it('let a burst pass, then a share of the time', () => {
    const clock = new VirtualClock()
    const shares = sharesOf(clock)
    assert.equal(shares.spend('a', 100), 0)
    assert.equal(shares.spend('a', 10), 40)
    assert.equal(shares.waitOf('a'), 40)
    clock.advance(40)
    assert.equal(shares.waitOf('a'), 0)
    assert.equal(shares.spend('b', 100), 0)
    assert.equal(shares.waitedMs, 40)
  })

  it('give one who always asks a quarter of the time, and no more', () => {
    const clock = new VirtualClock()
    const shares = sharesOf(clock)
    let worked = 0
    while (clock.now() < 100_000) {
      worked += 7
      clock.advance(7 + shares.spend('a', 7))
    }
    assert.ok(worked > 20_000 && worked < 26_000, `${worked} ms`)
  })

  it('may be all of it for one who is alone, and not for one of several', () => {
    const clock = new VirtualClock()
    const shares = new TimeShares<string>({ share: 0.25, burstMs: 100, clock, allAlone: true })
    for (let i = 0; i < 100; i++) assert.equal(shares.spend('a', 50), 0)
    assert.equal(shares.spend('b', 1), 0)
    assert.equal(shares.spend('a', 110), 440)
    clock.advance(2000)
    shares.spend('a', 1)
    assert.equal(shares.spend('a', 500), 0)
  })

  it('are forgotten once they are as new', () => {
    const clock = new VirtualClock()
    const shares = sharesOf(clock)
    for (let i = 0; i < 100_000; i++) {
      shares.spend(`${i}`, 1)
      clock.advance(1)
    }
    assert.ok(shares.size <= 2048, `${shares.size}`)
  })
})
