import assert from 'node:assert/strict'
import type { PeerId } from '@damselfly/shared'
import { BackoffBlocklist } from '../../src/policies/backoff-blocklist.ts'
import type { BlockingReason } from '../../src/policies/blocklist.ts'

const ANN = 'ann' as PeerId
const BOB = 'bob' as PeerId
const CAT = 'cat' as PeerId
const PARENT = 'parent' as PeerId

function report(child: PeerId, reason: BlockingReason, parentIsCdn = false) {
  return { child, parent: PARENT, parentIsCdn, reason }
}

/** Fails as soon as the pair is usable again, `times` times; the length of each block. */
function failAgainAndAgain(list: BackoffBlocklist, reason: BlockingReason, times: number): readonly number[] {
  const lengths: number[] = []
  for (let now = 0; lengths.length < times; now = list.pairBlockedUntil(ANN, PARENT) ?? now) {
    list.expire(now)
    list.failed(report(ANN, reason), now)
    lengths.push((list.pairBlockedUntil(ANN, PARENT) ?? now) - now)
  }
  return lengths
}

describe('the blocklist', () => {
  it('blocks a pair at once for wrong bytes, and nobody else', () => {
    const list = new BackoffBlocklist()
    assert.deepEqual(list.failed(report(ANN, 'corrupt'), 0), [{ child: ANN, parent: PARENT }])
    assert.equal(list.pairBlockedUntil(ANN, PARENT), 60_000)
    assert.equal(list.pairBlockedUntil(BOB, PARENT), undefined)
    assert.deepEqual([...list.blockedFor(ANN)], [PARENT])
  })

  it('blocks a parent for all that is too slow for two children in a row', () => {
    const list = new BackoffBlocklist()
    assert.deepEqual(list.failed(report(ANN, 'slow'), 0), [])
    list.succeeded(CAT, PARENT, 1)
    assert.deepEqual(list.failed(report(BOB, 'slow'), 2), [])
    assert.deepEqual(list.failed(report(BOB, 'slow'), 3), [])
    assert.deepEqual(list.failed(report(ANN, 'slow'), 4), [{ child: undefined, parent: PARENT }])
    assert.equal(list.blockedUntil(PARENT), 60_004)
    list.expire(60_004)
    assert.equal(list.blockedUntil(PARENT), undefined)
    // Of one that was slow before one child is believed, and it is blocked for longer.
    assert.ok(list.failed(report(CAT, 'slow'), 61_000).some(({ child }) => child === undefined))
    assert.equal(list.blockedUntil(PARENT), 61_000 + 120_000)
  })

  it('pardons a parent that was too slow for all, and none that sent wrong bytes', () => {
    const list = new BackoffBlocklist()
    for (const child of [ANN, BOB]) list.failed(report(child, 'slow'), 0)
    assert.deepEqual(list.pardon(PARENT, 10), [{ child: undefined, parent: PARENT }])
    assert.equal(list.blockedUntil(PARENT), undefined)
    assert.deepEqual(list.pardon(PARENT, 11), [])
    list.caught(PARENT, 20)
    assert.notEqual(list.blockedUntil(PARENT), undefined)
    assert.deepEqual(list.pardon(PARENT, 30), [])
    assert.notEqual(list.blockedUntil(PARENT), undefined)
  })

  it('blocks for the second time-out only, and shortly', () => {
    const list = new BackoffBlocklist()
    assert.deepEqual(list.failed(report(ANN, 'timeout'), 0), [])
    assert.equal(list.failed(report(ANN, 'timeout'), 10).length, 1)
    assert.equal(list.pairBlockedUntil(ANN, PARENT), 1_010)
  })

  it('doubles the time with each failure, up to a longest', () => {
    assert.deepEqual(failAgainAndAgain(new BackoffBlocklist(), 'refused', 9), [
      1_000, 2_000, 4_000, 8_000, 16_000, 32_000, 60_000, 60_000, 60_000,
    ])
  })

  it('takes failures that come while the pair is blocked for the same incident', () => {
    const list = new BackoffBlocklist()
    for (let failure = 0; failure < 8; failure++) list.failed(report(ANN, 'unreachable'), failure)
    assert.equal(list.pairBlockedUntil(ANN, PARENT), 2_000)
  })

  it('lengthens a short block when wrong bytes come during it', () => {
    const list = new BackoffBlocklist()
    list.failed(report(ANN, 'refused'), 0)
    assert.deepEqual(list.failed(report(ANN, 'corrupt'), 500), [])
    assert.ok((list.pairBlockedUntil(ANN, PARENT) ?? 0) >= 60_500)
    assert.equal(list.entries()[0]?.reason, 'corrupt')
  })

  it('never blocks for ever, and forgets with time', () => {
    const list = new BackoffBlocklist({ memoryMs: 300_000 })
    failAgainAndAgain(list, 'corrupt', 10)
    let now = 0
    for (let next = list.nextExpiry(); next !== undefined; next = list.nextExpiry()) list.expire((now = next))
    assert.deepEqual(list.entries(), [])
    list.failed(report(ANN, 'corrupt'), now)
    assert.equal(list.pairBlockedUntil(ANN, PARENT), now + 60_000)
  })

  it('fades failures as time passes', () => {
    const list = new BackoffBlocklist({ memoryMs: 300_000 })
    failAgainAndAgain(list, 'refused', 4)
    const end = list.pairBlockedUntil(ANN, PARENT) ?? 0
    list.expire(end)
    list.failed(report(ANN, 'refused'), end + 150_000)
    assert.equal(list.pairBlockedUntil(ANN, PARENT), end + 150_000 + 4_000)
  })

  it('counts a piece that arrives well against earlier failures', () => {
    const list = new BackoffBlocklist()
    list.failed(report(ANN, 'timeout'), 0)
    list.succeeded(ANN, PARENT, 0)
    assert.deepEqual(list.failed(report(ANN, 'timeout'), 0), [])
    assert.deepEqual(list.entries(), [])
  })

  it('blocks a parent for everybody once it is proved to send wrong bytes, however many say so before', () => {
    const list = new BackoffBlocklist()
    const sybils = Array.from({ length: 10 }, (_, index) => `sybil ${index}` as PeerId)
    for (const sybil of sybils) assert.deepEqual(list.failed(report(sybil, 'corrupt'), 10), [{ child: sybil, parent: PARENT }])
    assert.equal(list.blockedUntil(PARENT), undefined)
    assert.deepEqual([...list.childrenWithBlocks()], sybils)
    assert.deepEqual(list.caught(PARENT, 20), [{ child: undefined, parent: PARENT }])
    assert.equal(list.blockedUntil(PARENT), 60_020)
    assert.deepEqual([...list.blockedForAll()], [PARENT])
    assert.deepEqual(list.caught(PARENT, 30), [], 'the same incident')
    list.expire(60_020)
    assert.deepEqual(list.caught(PARENT, 60_020), [{ child: undefined, parent: PARENT }])
    assert.ok((list.blockedUntil(PARENT) ?? 0) > 60_020 + 100_000, 'longer, the second time')
  })

  it('counts what several peers of one party say of a slow parent once', () => {
    const list = new BackoffBlocklist()
    for (const child of [ANN, BOB, CAT]) list.failed({ ...report(child, 'slow'), party: '192.0.2.0/24' }, 0)
    assert.equal(list.blockedUntil(PARENT), undefined)
    list.failed({ ...report(CAT, 'slow'), party: '198.51.100.0/24' }, 1)
    assert.notEqual(list.blockedUntil(PARENT), undefined)
  })

  it('tells which blocks ended, once', () => {
    const list = new BackoffBlocklist()
    list.failed(report(ANN, 'refused'), 0)
    assert.equal(list.nextExpiry(), 1_000)
    assert.deepEqual(list.expire(999), [])
    assert.deepEqual(list.expire(1_000), [{ child: ANN, parent: PARENT }])
    assert.deepEqual(list.expire(1_000), [])
  })
})
