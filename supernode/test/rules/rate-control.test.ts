import assert from 'node:assert/strict'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { VirtualClock, type PeerId } from '@damselfly/shared'
import fc from 'fast-check'
import { divideRate } from '../../src/rules/divide-rate.ts'
import { PeerUsage } from '../../src/rules/peer-usage.ts'
import { type LimitedPeer, RateControl } from '../../src/rules/rate-control.ts'
import { rateRule, type PeerRates, type RateRule } from '../../src/rules/rate-rule.ts'
import { createRuleList, type RuleList } from '../../src/rules/rule-list.ts'

const demands = fc.array(fc.double({ min: 0, max: 1000, noNaN: true }), { minLength: 1, maxLength: 20 })
const totals = fc.double({ min: 1, max: 5000, noNaN: true })
const sum = (numbers: readonly number[]): number => numbers.reduce((total, number) => total + number, 0)

describe('a rate that is divided', () => {
  it('is given out as a whole', () => {
    fc.assert(fc.property(totals, demands, (total, wanted) => assert.ok(Math.abs(sum(divideRate(total, wanted)) - total) < 1e-6 * total)))
  })

  it('gives nobody less than wanted while another has more than its even share', () => {
    fc.assert(
      fc.property(totals, demands, (total, wanted) => {
        const shares = divideRate(total, wanted)
        const least = Math.min(...shares.filter((share, index) => share < (wanted[index] ?? 0) - 1e-9))
        for (const share of shares) assert.ok(share <= least + 1e-6 * total)
      }),
    )
  })

  it('gives the same to those who want the same, and no less to who wants more', () => {
    fc.assert(
      fc.property(totals, demands, (total, wanted) => {
        const shares = divideRate(total, wanted)
        const ordered = [...wanted.keys()].toSorted((a, b) => (wanted[a] ?? 0) - (wanted[b] ?? 0))
        for (const [rank, index] of ordered.entries()) {
          const before = ordered[rank - 1]
          if (before !== undefined) assert.ok((shares[index] ?? 0) >= (shares[before] ?? 0) - 1e-6 * total)
        }
      }),
    )
  })
})

describe('the rates of peers', () => {
  let folder: string
  let clock: VirtualClock
  let rules: RuleList<RateRule>
  let control: RateControl
  let peers: { peer: PeerId; location: { location: string } }[]
  let told: Map<PeerId, PeerRates>

  const [A, B, C] = ['a', 'b', 'c'] as PeerId[] as [PeerId, PeerId, PeerId]
  const terms = { reason: '', expiresAt: null, together: false }

  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'damselfly-rates-'))
    clock = new VirtualClock(Date.UTC(2026, 0, 1))
    rules = createRuleList({ file: join(folder, 'rates.json'), schema: rateRule, clock })
    peers = []
    told = new Map()
    control = new RateControl({ rules, peers: () => peers, usage: new PeerUsage(), tell: (peer, rates) => told.set(peer, rates), clock })
  })

  afterEach(async () => {
    control.stop()
    await rules.stop()
    await rm(folder, { recursive: true })
  })

  function enter(peer: PeerId, location = ''): void {
    const entering = { peer, location: { location } }
    peers.push(entering)
    control.joined(entering)
  }

  it('are lowered by a rule, for those whom it is about, and raised when it goes', async () => {
    enter(A, 'home')
    enter(B, 'office')
    const everybody = await rules.add({ ...terms, download: 1000, upload: 500 })
    await rules.add({ ...terms, location: 'home', download: 300, origin: 100 })
    assert.deepEqual([told.get(A), told.get(B)], [{ upload: 500, download: 300, origin: 100 }, { upload: 500, download: 1000, origin: 0 }])
    enter(C, 'home')
    assert.deepEqual(told.get(C), { upload: 500, download: 300, origin: 100 })
    await rules.remove(everybody.id)
    assert.deepEqual([told.get(A), told.get(B)], [{ upload: 0, download: 300, origin: 100 }, { upload: 0, download: 0, origin: 0 }])
  })

  it('end with the time of their rule', async () => {
    enter(A)
    await rules.add({ ...terms, peer: A, upload: 10, expiresAt: new Date(clock.wallTime() + 5000).toISOString() })
    assert.equal(told.get(A)?.upload, 10)
    clock.advance(5000)
    assert.equal(told.get(A)?.upload, 0)
    assert.equal(clock.pending, 0)
  })

  it('are told again to a peer that comes back', async () => {
    enter(A)
    await rules.add({ ...terms, upload: 10 })
    peers = []
    control.left(A)
    told.clear()
    enter(A)
    assert.equal(told.get(A)?.upload, 10)
  })

  it('cost little when ten thousand peers come back at once, each of which is limited from the start', async () => {
    await rules.add({ ...terms, upload: 5_000_000 })
    await rules.add({ ...terms, download: 1e9, together: true })
    const names = Array.from({ length: 10_000 }, (_, index) => `peer-${index}` as PeerId)
    let looks = 0
    const counted: LimitedPeer[] = []
    const every = new RateControl({ rules, peers: () => (looks++, counted), usage: new PeerUsage(), tell: (peer, rates) => told.set(peer, rates), clock })
    for (const peer of names) {
      const entering = { peer, location: { location: '' } }
      counted.push(entering)
      every.joined(entering)
      assert.ok((told.get(peer)?.download ?? 0) > 0)
    }
    assert.equal(looks, 0)
    assert.ok(sum([...told.values()].map(({ download }) => download)) < 1.1e9)
    clock.advance(100)
    assert.equal(looks, 1)
    assert.deepEqual(told.get('peer-7777' as PeerId), { upload: 5_000_000, download: 100_000, origin: 0 })
    for (const peer of names) every.left(peer)
    clock.advance(100)
    assert.equal(looks, 2)
    every.stop()
  })

  it('that peers have together follow what each of them uses', async () => {
    for (const peer of [A, B, C]) enter(peer, 'home')
    await rules.add({ ...terms, location: 'home', download: 9_000_000, together: true })
    for (const peer of [A, B, C]) assert.equal(told.get(peer)?.download, 3_000_000)
    const use = (seconds: number, ...rates: number[]): void => {
      for (let passed = 0; passed < seconds; passed += 2) {
        for (const [index, { peer }] of peers.entries()) control.moved(peer, undefined, (rates[index] ?? 0) * 2)
        clock.advance(2000)
      }
    }
    // A takes all that it may, the others next to nothing.
    for (let round = 0; round < 10; round++) use(2, told.get(A)?.download ?? 0, 10_000, 0)
    const alone = told.get(A)?.download ?? 0
    assert.ok(alone > 8_000_000, `${alone}`)
    assert.ok((told.get(B)?.download ?? 0) > 200_000, 'who is idle can begin')
    // B begins, and has its half after a while.
    for (let round = 0; round < 15; round++) use(2, told.get(A)?.download ?? 0, told.get(B)?.download ?? 0, 0)
    const [a = 0, b = 0, c = 0] = [A, B, C].map((peer) => told.get(peer)?.download)
    assert.ok(Math.abs(a - b) < 0.1 * a && a > 4_000_000, `${a} and ${b}`)
    assert.ok(a + b + c <= 9_000_000 * 1.1, `${a + b + c} together`)
    peers = peers.filter(({ peer }) => peer !== B)
    control.left(B)
    use(10, 4_000_000)
    assert.ok((told.get(A)?.download ?? 0) > 6_000_000)
  })
})
