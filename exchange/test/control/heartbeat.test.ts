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

  it('asks one who is silent, and is content with the answer', () => {
    for (let at = 0; at < 60_000; at += 1000) {
      clock.advance(1000)
      if (asked.at(-1) === clock.now()) heartbeat.heard()
    }
    assert.ok(asked.length > 5)
    assert.deepEqual(deaths, [])
  })

  it('gives up one who does not answer, once', () => {
    clock.advance(60_000)
    assert.deepEqual(asked, [6000, 9000, 12_000])
    assert.deepEqual(deaths, [15_000])
    assert.equal(clock.pending, 0)
  })

  it('hears what came while the process itself was stopped', () => {
    // After a stop one look comes before what waits in the sockets is read, however long it lasted.
    clock.advance(3000)
    clock.advance(3000)
    heartbeat.heard()
    clock.advance(9000)
    assert.deepEqual(deaths, [])
  })

  it('leaves no timer behind', () => {
    heartbeat.end()
    heartbeat.end()
    assert.equal(clock.pending, 0)
  })

  it('of a peer gives up within 15 s, and idle ones are asked by the peer before the supernode asks', () => {
    assert.ok(PEER_PACE.everyMs * (PEER_PACE.looks + 1) <= 15_000)
    assert.ok(PEER_PACE.everyMs * 2 < SUPERNODE_PACE.everyMs)
    assert.ok(SUPERNODE_PACE.looks >= 2 && PEER_PACE.looks >= 2)
  })
})
