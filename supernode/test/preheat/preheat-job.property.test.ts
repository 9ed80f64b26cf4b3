import assert from 'node:assert/strict'
import fc from 'fast-check'
import { DamselflyError, type PeerId } from '@damselfly/shared'
import { newContent } from '../../src/preheat/content-spec.ts'
import { PREHEAT_LIMITS } from '../../src/preheat/limits.ts'
import { PreheatJob, type Step } from '../../src/preheat/preheat-job.ts'
import { isSettled, preheatRecord, SCOPES, type PreheatRecord, type Scope } from '../../src/preheat/preheat-record.ts'

const PEERS = ['a', 'b', 'c', 'd', 'e'] as readonly string[] as readonly PeerId[]
const AT_ONCE = 2
const FAILURE = new DamselflyError('ORIGIN_STATUS', 'no')

type Event =
  | { readonly type: 'opened' | 'held' | 'content-failed'; readonly content: number }
  | { readonly type: 'done' | 'failed' | 'progress'; readonly content: number; readonly peer: PeerId }
  | { readonly type: 'joined' | 'left'; readonly peer: PeerId }
  | { readonly type: 'passed'; readonly ms: number }
  | { readonly type: 'restarted' }
  | { readonly type: 'cancelled' }

const content = fc.nat({ max: 2 })
const peer = fc.constantFrom(...PEERS)

const anyEvent: fc.Arbitrary<Event> = fc.oneof(
  { weight: 6, arbitrary: fc.record({ type: fc.constantFrom('opened' as const, 'held' as const), content }) },
  { weight: 1, arbitrary: fc.record({ type: fc.constant('content-failed' as const), content }) },
  { weight: 8, arbitrary: fc.record({ type: fc.constantFrom('done' as const, 'failed' as const, 'progress' as const), content, peer }) },
  { weight: 4, arbitrary: fc.record({ type: fc.constantFrom('joined' as const, 'left' as const), peer }) },
  { weight: 2, arbitrary: fc.record({ type: fc.constant('passed' as const), ms: fc.nat({ max: 2 * PREHEAT_LIMITS.silenceMs }) }) },
  { weight: 1, arbitrary: fc.constantFrom<Event>({ type: 'restarted' }, { type: 'cancelled' }) },
)

function newJob(scope: Scope, count: number): PreheatRecord {
  const ask = { digest: undefined, headers: [['authorization', 'secret']] as const, filteredQueryParams: [], tag: '', application: '', range: undefined }
  const contents = [1, 2, 3].map((n) => newContent({ url: `http://origin.example/${n}`, ...ask }))
  const state = 'waiting' as const
  return { id: 'job', key: null, fingerprint: '', state, createdAt: 0, endedAt: null, scope, count: scope === 'peers' ? count : 0, location: '', contents }
}

/** A job with the world around it: who is connected, who was asked for what, and the time. */
class World {
  job: PreheatJob
  readonly connected = new Set<PeerId>(PEERS.slice(0, 3))
  /** Peers that would be downloading now, by content. */
  readonly asked = new Set<string>()
  now = 1000

  constructor(record: PreheatRecord) {
    this.job = new PreheatJob(record, AT_ONCE)
    this.plan()
  }

  happen(event: Event): void {
    const { job, now } = this
    switch (event.type) {
      case 'opened':
        if (this.#isFetching(event.content)) job.opened(event.content, 100)
        break
      case 'held':
        if (this.#isFetching(event.content)) job.opened(event.content, 100)
        job.held(event.content, 100)
        break
      case 'content-failed':
        this.carryOut(job.contentFailed(event.content, FAILURE))
        break
      case 'done':
      case 'failed':
      case 'progress': {
        if (!this.asked.has(`${event.content} ${event.peer}`)) break
        if (event.type !== 'progress') this.asked.delete(`${event.content} ${event.peer}`)
        const error = event.type === 'failed' ? FAILURE : undefined
        job.reported(event.content, event.peer, { isDone: event.type === 'done', error, bytes: 50 }, now)
        break
      }
      case 'joined':
        this.connected.add(event.peer)
        job.peerJoined(event.peer, now)
        break
      case 'left':
        this.connected.delete(event.peer)
        for (const each of this.asked) if (each.endsWith(` ${event.peer}`)) this.asked.delete(each)
        job.peerLeft(event.peer, now)
        break
      case 'passed':
        this.now += event.ms
        break
      case 'restarted':
        this.asked.clear()
        this.job = new PreheatJob(preheatRecord.parse(JSON.parse(JSON.stringify(job.record))), AT_ONCE)
        this.job.resume(now)
        for (const each of this.connected) this.job.peerJoined(each, now)
        break
      case 'cancelled':
        this.carryOut(job.cancel(now))
    }
    this.plan()
  }

  plan(): void {
    const candidates = [...this.connected].map((id) => ({ peer: id, hostName: id, location: '' }))
    this.carryOut(this.job.plan(candidates, this.now))
  }

  carryOut(steps: readonly Step[]): void {
    for (const step of steps) {
      if (step.type === 'bring') continue
      const key = `${step.content} ${step.peer}`
      if (step.type === 'withdraw') assert.ok(this.asked.delete(key), `${key} was withdrawn and not asked for`)
      else {
        assert.ok(!this.asked.has(key), `${key} was asked for twice`)
        assert.ok(this.connected.has(step.peer), `${step.peer} is not there`)
        this.asked.add(key)
      }
    }
  }

  #isFetching(index: number): boolean {
    return this.job.record.contents[index]?.state === 'fetching'
  }
}

function check({ job, asked }: World): void {
  const { record } = job
  assert.ok(record.contents.filter(({ state }) => state === 'fetching').length <= AT_ONCE)
  const running = record.contents.flatMap(({ targets }, index) => targets.flatMap(({ state, peer: id }) => (state === 'running' ? [`${index} ${id}`] : [])))
  assert.deepEqual(running.toSorted(), [...asked].toSorted())
  for (const { targets, credentials } of record.contents) {
    assert.equal(new Set(targets.map(({ peer: id }) => id)).size, targets.length)
    const alive = targets.filter(({ state }) => state !== 'failed' && state !== 'left' && state !== 'cancelled')
    if (record.scope === 'peers') assert.ok(alive.length <= record.count)
    if (record.scope === 'supernode') assert.equal(targets.length, 0)
    if (!job.isOver) continue
    assert.ok(targets.every(isSettled))
    assert.deepEqual(credentials, [])
  }
  assert.equal(record.endedAt === null, !job.isOver)
}

describe('a preheat, whatever happens', () => {
  const start = fc.record({ scope: fc.constantFrom(...SCOPES), count: fc.integer({ min: 1, max: 4 }) })

  it('asks nobody twice, keeps its limits, and forgets credentials at its end', () => {
    fc.assert(
      fc.property(start, fc.array(anyEvent, { maxLength: 60 }), ({ scope, count }, events) => {
        const world = new World(newJob(scope, count))
        check(world)
        for (const each of events) {
          world.happen(each)
          check(world)
        }
      }),
    )
  })

  it('is done as soon as everybody does what it is asked for, and over in time if nobody does', () => {
    fc.assert(
      fc.property(start, fc.array(anyEvent, { maxLength: 40 }), fc.boolean(), ({ scope, count }, events, isWilling) => {
        const world = new World(newJob(scope, count))
        for (const each of events) world.happen(each)
        for (const each of PEERS) world.happen({ type: 'joined', peer: each })
        for (let turn = 0; turn < 60 && !world.job.isOver; turn++) {
          for (const index of [0, 1, 2]) world.happen({ type: 'held', content: index })
          if (!isWilling) world.happen({ type: 'passed', ms: PREHEAT_LIMITS.silenceMs })
          for (const each of isWilling ? [...world.asked] : []) {
            const [index = '', id = ''] = each.split(' ')
            world.happen({ type: 'done', content: Number(index), peer: id as PeerId })
          }
          if (isWilling) world.happen({ type: 'passed', ms: PREHEAT_LIMITS.patienceMs / 4 })
        }
        assert.ok(world.job.isOver, JSON.stringify(world.job.record.contents))
        check(world)
      }),
    )
  })
})
