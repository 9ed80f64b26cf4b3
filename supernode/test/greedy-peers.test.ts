import assert from 'node:assert/strict'
import { deriveTaskId, taskIdFromBytes, VirtualClock } from '@damselfly/shared'
import { create, encode, PeerBatchSchema } from '@damselfly/shared/wire'
import { createIdentity } from '@damselfly/exchange'
import { CONTROL_LIMITS } from '../src/control/limits.ts'
import { Session, type PeerRequest } from '../src/control/session.ts'
import { createControlBench, largeContent, settle, type ControlBench } from './control-bench.ts'
import type { FakePeer } from './fake-peer.ts'
import { MemoryChannel } from './memory-channel.ts'

const url = (n: number): string => `https://a.example/${n}`

/** As many bytes as it takes to tell a frame of so many registrations. */
function registerMany(peer: FakePeer, from: number, count: number): void {
  const bodies = Array.from({ length: count }, (_, n) => {
    return { case: 'register' as const, value: { requestId: from + n, spec: { url: url(from + n) }, order: 'rarest-first' } }
  })
  peer.say(...bodies)
}

function knownPieces(bench: ControlBench): number {
  return [...bench.tasks.list()].reduce((sum, { swarm }) => sum + swarm.content.digestCount, 0)
}

describe('a peer that asks for too much', () => {
  it('by a hundred thousand registrations, is refused what passes its limit and leaves few tasks', async () => {
    const bench = createControlBench({ limits: { pendingRegistrations: 16, tasksPerPeer: 100 } })
    const greedy = bench.peer()
    for (let n = 0; n < 100_000; n += 10_000) registerMany(greedy, n, 10_000)
    await settle()
    const refused = greedy.all('registered').filter(({ errorCode }) => errorCode === 'SUPERNODE_OVERLOADED')
    assert.ok(refused.length >= 99_000, `${refused.length} refused`)
    assert.ok(bench.tasks.count <= 100, `${bench.tasks.count} tasks`)
    bench.cdn.contents.set(url(-1), largeContent(1))
    const answer = await bench.peer().register({ url: url(-1) })
    assert.equal(answer.errorCode, '')
    await bench.stop()
  }).timeout(60_000)

  it('of all together, finds the supernode full of tasks, while those that it knows go on', async () => {
    const bench = createControlBench({ limits: { tasks: 10 } })
    for (let n = 0; n < 10; n++) bench.peer().announce(url(n), largeContent(2))
    bench.peer().announce(url(10), largeContent(2))
    assert.equal(bench.tasks.count, 10)
    const late = bench.peer()
    assert.equal((await late.register({ url: url(11) })).errorCode, 'SUPERNODE_OVERLOADED')
    bench.cdn.contents.set(url(3), largeContent(2))
    assert.equal((await late.register({ url: url(3) })).errorCode, '')
    await bench.stop()
  })

  it('by contents that two of one mind make up, is believed only as far as their claims go', async () => {
    const bench = createControlBench({ limits: { claimsPerPeer: 20 } })
    const [one, other] = [bench.peer(), bench.peer()]
    for (let n = 0; n < 50; n++) {
      const content = largeContent(2)
      one.announce(url(n), content)
      other.announce(url(n), content)
    }
    assert.equal(knownPieces(bench), 20)
    // Others agree on contents of their own.
    const honest = [bench.peer(), bench.peer()]
    for (const peer of honest) peer.announce(url(1000), largeContent(3))
    assert.equal(knownPieces(bench), 23)
    await bench.stop()
  })

  it('by many such contents that they drop again, finds no more room than there is for all', async () => {
    const bench = createControlBench({ limits: { claimsPerPeer: 20, vouchedPieces: 100 } })
    for (let n = 0; n < 50; n++) {
      const pair = [bench.peer(), bench.peer()]
      for (const peer of pair) for (let m = 0; m < 10; m++) peer.announce(url(n * 10 + m), largeContent(2))
      for (const { channel } of pair) channel.hangUp()
    }
    assert.ok(knownPieces(bench) <= 100, `${knownPieces(bench)} pieces`)
    await bench.stop()
  })

  it('has so many contents fetched at once, and others go on', async () => {
    const bench = createControlBench({ limits: { fetchesPerPeer: 2 } })
    for (let n = 0; n < 4; n++) bench.cdn.contents.set(url(n), largeContent(2))
    const [greedy, honest] = [bench.peer(), bench.peer()]
    assert.equal((await greedy.register({ url: url(0) })).errorCode, '')
    assert.equal((await greedy.register({ url: url(1) })).errorCode, '')
    const late = greedy.register({ url: url(2) })
    await settle()
    assert.equal(bench.tasks.count, 2, 'nothing is kept of a content whose turn has not come')
    assert.equal((await honest.register({ url: url(3) })).errorCode, '')
    bench.cdn.tasks.get(deriveTaskId({ url: url(0) }))?.finish()
    assert.equal((await late).errorCode, '')
    await bench.stop()
  })

  it('hears that it is not forgotten while its contents wait for their turns', async () => {
    const bench = createControlBench({ limits: { fetchesPerPeer: 1 } })
    for (let n = 0; n < 2; n++) bench.cdn.contents.set(url(n), largeContent(2))
    const peer = bench.peer()
    await peer.register({ url: url(0) })
    const late = peer.register({ url: url(1) })
    await settle()
    const heard = (): number => peer.all('taskUpdate').filter(({ taskId }) => taskIdFromBytes(taskId) === deriveTaskId({ url: url(1) })).length
    assert.equal(heard(), 0)
    bench.clock.advance(3000)
    await settle()
    assert.ok(heard() >= 2)
    bench.cdn.tasks.get(deriveTaskId({ url: url(0) }))?.finish()
    await late
    await bench.stop()
    assert.equal(bench.clock.pending, 0)
  })

  it('by many contents at once, gets all of them, and others wait for no more than one of them', async () => {
    const bench = createControlBench({ limits: { fetchesPerPeer: 8 } })
    const many = 500
    for (let n = 0; n <= many; n++) bench.cdn.contents.set(url(n), largeContent(1))
    const [greedy, honest] = [bench.peer(), bench.peer()]
    registerMany(greedy, 0, many)
    assert.equal((await honest.register({ url: url(many) })).errorCode, '')
    const answers = (): ReturnType<typeof greedy.all<'registered'>> => greedy.all('registered')
    assert.ok(answers().length <= 8, `${answers().length} came before`)
    for (let turn = 0; answers().length < many && turn < 1000; turn++) {
      for (const task of bench.cdn.tasks.values()) if (task.state.type === 'fetching') task.finish()
      bench.clock.advance(100)
      await settle()
    }
    assert.equal(answers().filter(({ errorCode }) => errorCode === '').length, many)
    await bench.stop()
  })

  it('is refused, by the word of one message and without a task, what its own waiting registrations leave no memory for', async () => {
    const bench = createControlBench({ limits: { fetchesPerPeer: 1 } })
    const gate = Promise.withResolvers<void>()
    bench.cdn.gate = gate.promise
    const greedy = bench.peer()
    const credentials = [{ name: 'x-long', value: 'x'.repeat(30_000) }]
    for (let n = 0; n < 400; n++) greedy.say({ case: 'register', value: { requestId: n, spec: { url: url(n) }, order: 'rarest-first', credentials } })
    await settle()
    const refused = greedy.all('registered').filter(({ errorCode }) => errorCode === 'SUPERNODE_OVERLOADED')
    assert.ok(refused.length >= 400 - (8 * 1024 * 1024) / 30_000, `${refused.length} refused`)
    assert.ok(bench.tasks.count <= 1)
    gate.resolve()
    await bench.stop()
  })
})

describe('a batch that takes long', () => {
  const { peerId } = createIdentity()

  /** A session whose every message takes a millisecond. */
  function slowSession(): { readonly clock: VirtualClock; readonly channel: MemoryChannel; readonly handled: number[]; readonly waits: number[] } {
    const clock = new VirtualClock()
    const channel = new MemoryChannel(peerId)
    const handled: number[] = []
    const waits = [0, 0, 500]
    const listener = {
      hello: () => undefined,
      request: (_session: Session, request: PeerRequest) => {
        handled.push(request.case === 'want' ? request.value.count : -1)
        clock.advance(1)
      },
      took: (_session: Session, ms: number) => (ms === 0 ? 0 : (waits.shift() ?? 0)),
      ended: () => undefined,
    }
    new Session(channel, listener, CONTROL_LIMITS, clock).start()
    channel.deliver(encode(PeerBatchSchema, create(PeerBatchSchema, { messages: [{ body: { case: 'hello', value: {} } }] })))
    return { clock, channel, handled, waits }
  }

  it('is handled a slice at a time, in order, and not while its peer is to wait', () => {
    const { clock, channel, handled } = slowSession()
    const messages = Array.from({ length: 20 }, (_, count) => ({ body: { case: 'want' as const, value: { count } } }))
    channel.deliver(encode(PeerBatchSchema, create(PeerBatchSchema, { messages })))
    assert.equal(handled.length, 5)
    assert.equal(channel.isPaused, true)
    clock.advance(0)
    assert.equal(handled.length, 10)
    clock.advance(10)
    assert.equal(handled.length, 15)
    clock.advance(400)
    assert.equal(handled.length, 15)
    clock.advance(200)
    assert.deepEqual(handled, [...Array(20).keys()])
    assert.equal(channel.isPaused, false)
  })

  it('of many bytes costs more than the time in which it is handled', () => {
    const clock = new VirtualClock()
    const channel = new MemoryChannel(peerId)
    const took: number[] = []
    const listener = { hello: () => undefined, request: () => undefined, took: (_session: Session, ms: number) => (took.push(ms), 0), ended: () => undefined }
    new Session(channel, listener, CONTROL_LIMITS, clock).start()
    channel.deliver(encode(PeerBatchSchema, create(PeerBatchSchema, { messages: [{ body: { case: 'hello', value: {} } }] })))
    channel.deliver(encode(PeerBatchSchema, create(PeerBatchSchema, { messages: [{ body: { case: 'announce', value: { pieceDigests: new Uint8Array(2 ** 20 + 2 ** 16) } } }] })))
    assert.equal(took[0], 0)
    assert.ok(Math.abs((took[1] ?? 0) - 4) < 0.01, `${took[1]} ms`)
    channel.hangUp()
  })

  it('is forgotten when its channel ends', () => {
    const { clock, channel, handled } = slowSession()
    const messages = Array.from({ length: 20 }, (_, count) => ({ body: { case: 'want' as const, value: { count } } }))
    channel.deliver(encode(PeerBatchSchema, create(PeerBatchSchema, { messages })))
    channel.hangUp()
    clock.advance(10_000)
    assert.equal(handled.length, 5)
    assert.equal(clock.pending, 0)
  })
})
