import assert from 'node:assert/strict'
import { VirtualClock } from '@damselfly/shared'
import { Heartbeat, PEER_PACE, SUPERNODE_PACE } from '../../src/control/heartbeat.ts'

describe('a heartbeat', () => {
  let clock: VirtualClock
  let asked: number[]
  let deaths: number[]
  let heartbeat: Heartbeat

  beforeEach(() => {
    clock = new VirtualClock()
    asked = []
    deaths = []
    heartbeat = new Heartbeat({
      clock,
      everyMs: 3000,
      looks: 4,
      calmLooks: 6,
      ask: () => asked.push(clock.now()),
      dead: () => deaths.push(clock.now()),
    })
  })

  it('asks nobody who speaks', () => {
    for (let at = 0; at < 60_000; at += 2000) {
      clock.advance(2000)
      heartbeat.heard()
    }
    assert.deepEqual([asked, deaths], [[], []])
  })

  it('asks one who does not answer soon, and is content with the answer', () => {
    heartbeat.said()
    for (let at = 0; at < 12_000; at += 1000) {
      clock.advance(1000)
      if (asked.at(-1) === clock.now()) heartbeat.heard()
    }
    assert.deepEqual(asked, [6000])
    assert.deepEqual(deaths, [])
  })

  it('gives up one who does not answer, once', () => {
    heartbeat.said()
    clock.advance(60_000)
    assert.deepEqual(asked, [6000, 9000, 12_000])
    assert.deepEqual(deaths, [15_000])
    assert.equal(clock.pending, 0)
  })

  it('asks seldom while neither side says anything', () => {
    for (let at = 0; at < 120_000; at += 1000) {
      clock.advance(1000)
      if (asked.at(-1) === clock.now()) heartbeat.heard()
    }
    assert.deepEqual(asked, [21_000, 42_000, 63_000, 84_000, 105_000])
    assert.deepEqual(deaths, [])
  })

  it('gives up one who does not answer in the calm either', () => {
    clock.advance(60_000)
    assert.deepEqual(asked, [21_000, 24_000, 27_000, 30_000])
    assert.deepEqual(deaths, [33_000])
  })

  it('takes whatever it hears for an answer to all that was said before', () => {
    clock.advance(4000)
    heartbeat.said()
    heartbeat.heard()
    clock.advance(16_000)
    assert.deepEqual([asked, deaths], [[], []])
  })

  it('hears what came while the process itself was stopped', () => {
    // After a stop one look comes before what waits in the sockets is read, however long it lasted.
    heartbeat.said()
    clock.advance(3000)
    clock.advance(3000)
    heartbeat.heard()
    clock.advance(9000)
    assert.deepEqual(deaths, [])
  })

  it('looks when others look that began at other moments', () => {
    const lateAsked: number[] = []
    clock.advance(300)
    const late = new Heartbeat({ clock, everyMs: 3000, looks: 4, calmLooks: 6, ask: () => lateAsked.push(clock.now()), dead: () => undefined })
    clock.advance(24_700)
    assert.deepEqual([asked, lateAsked], [[21_000, 24_000], [21_000, 24_000]])
    late.end()
  })

  it('leaves no timer behind', () => {
    heartbeat.end()
    heartbeat.end()
    assert.equal(clock.pending, 0)
  })

  it('of a peer gives up within 15 s, and idle ones ask before the supernode does', () => {
    const { everyMs, looks, calmLooks } = PEER_PACE
    assert.ok(everyMs * looks <= 15_000)
    assert.ok(everyMs * (calmLooks + 1) < SUPERNODE_PACE.everyMs * SUPERNODE_PACE.calmLooks)
    assert.ok(SUPERNODE_PACE.looks >= 2 && looks >= 2)
  })
})
