import assert from 'node:assert/strict'
import { DamselflyError, taskIdFromBytes, type TaskId } from '@damselfly/shared'
import { readTicket, verifyTicket } from '@damselfly/exchange'
import { createControlBench, largeContent, settle, type ControlBench } from './control-bench.ts'
import { pieceCountOf, type FakeCdnTask } from './fake-cdn.ts'
import type { FakePeer } from './fake-peer.ts'

const URL_A = 'https://a.example/private'
const CREDENTIALS = [{ name: 'authorization', value: 'Bearer good' }]
const MINUTE = 60_000

describe('a child of a private content', () => {
  const content = largeContent(4, { authorization: 'Bearer good' })
  let bench: ControlBench
  let child: FakePeer
  let taskId: TaskId
  let cdnTask: FakeCdnTask

  beforeEach(async () => {
    bench = createControlBench()
    bench.cdn.refusal = new DamselflyError('ORIGIN_UNAUTHORIZED', 'no')
    bench.cdn.contents.set(URL_A, content)
    child = bench.peer()
    const answer = await child.register({ url: URL_A }, { credentials: CREDENTIALS })
    taskId = taskIdFromBytes(answer.taskId)
    cdnTask = bench.cdn.tasks.get(taskId) as FakeCdnTask
    child.want(taskId)
  })

  afterEach(() => bench.stop())

  /** Time passes, and the child is alive. */
  async function pass(ms: number): Promise<void> {
    for (let passed = 0; passed < ms; passed += 5_000) {
      child.say({ case: 'ping', value: {} })
      bench.clock.advance(5_000)
      await settle()
    }
  }

  /** The ticket that comes with the next piece. @returns how long it lasts; milliseconds, 0 if there was none */
  async function nextTicket(index: number): Promise<number> {
    const before = child.all('parent').length
    cdnTask.storePiece(index)
    await child.whenHeard('assign', (assigned) => assigned.index === index)
    const signed = child.all('parent').slice(before).at(-1)?.signedTicket
    if (signed === undefined) return 0
    const parent = bench.identity.peerId
    const now = bench.clock.wallTime()
    return verifyTicket(signed, { supernodes: new Set([parent]), child: child.id, parent, now }).expiresAt - now
  }

  const ends = (): string[] => child.all('taskUpdate').flatMap(({ errorCode }) => (errorCode === '' ? [] : [errorCode]))

  it('gets no ticket that outlives the consent of its origin, and a new one with that', async () => {
    assert.equal(await nextTicket(0), 5 * MINUTE)
    await pass(MINUTE)
    assert.equal(await nextTicket(1), 0)
    await pass(2 * MINUTE)
    assert.equal(await nextTicket(2), 2 * MINUTE)
    await pass(90_000)
    assert.ok((await nextTicket(3)) > 4 * MINUTE)
    assert.deepEqual(ends(), [])
    assert.equal(bench.cdn.authorized.length, 2)
  })

  it('is sent away in minutes when its origin lets it in no longer', async () => {
    await nextTicket(0)
    bench.cdn.contents.set(URL_A, { ...content, authorization: 'Bearer other' })
    await pass(3 * MINUTE)
    assert.deepEqual(ends(), [])
    await pass(MINUTE + 5_000)
    assert.deepEqual(ends(), ['ORIGIN_UNAUTHORIZED'])
    cdnTask.finish()
    await settle()
    assert.equal(child.all('assign').length, 1)
    assert.ok(pieceCountOf(content) > 1)
    assert.equal((await child.register({ url: URL_A }, { credentials: CREDENTIALS })).errorCode, 'ORIGIN_UNAUTHORIZED')
  })

  it('goes on while its origin is out of order, until the consent ends', async () => {
    bench.cdn.contents.set(URL_A, new DamselflyError('ORIGIN_UNREACHABLE', 'nobody there'))
    await pass(4 * MINUTE + 30_000)
    assert.deepEqual(ends(), [])
    bench.cdn.contents.set(URL_A, content)
    await pass(MINUTE)
    assert.deepEqual(ends(), [])
    bench.cdn.contents.set(URL_A, new DamselflyError('ORIGIN_UNREACHABLE', 'nobody there'))
    await pass(5 * MINUTE)
    assert.deepEqual(ends(), ['ORIGIN_UNREACHABLE'])
  })

  it('is asked about at once when its content becomes private, and its ticket counts no more', async () => {
    const open = 'https://a.example/open'
    bench.cdn.contents.set(open, largeContent(3))
    const task = taskIdFromBytes((await child.register({ url: open })).taskId)
    const swarm = bench.tasks.get(task)?.swarm
    assert.ok(swarm !== undefined)
    child.want(task)
    bench.cdn.tasks.get(task)?.storePiece(0)
    await child.whenHeard('parent')
    const ticket = readTicket(child.all('parent').at(-1)?.signedTicket ?? new Uint8Array())
    assert.ok(ticket.expiresAt - bench.clock.wallTime() > 5 * MINUTE)
    bench.cdn.contents.set(open, { ...content, authorization: 'Bearer other' })
    const other = bench.peer()
    await other.whenHeard('welcome')
    bench.cdn.turnPrivate(task)
    await other.whenHeard('revokeTickets')
    assert.ok(bench.revocations.revoked.isRevoked(ticket))
    await pass(5_000)
    assert.deepEqual(ends(), ['ORIGIN_UNAUTHORIZED'])
    assert.equal(swarm.hasChildren, false)
  })
})
