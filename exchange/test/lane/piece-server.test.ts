import assert from 'node:assert/strict'
import { isDamselflyError, RateLimiter, VirtualClock, type Priority, type TaskId } from '@damselfly/shared'
import { create, encode, PieceMessageSchema, type MessageInitShape } from '@damselfly/shared/wire'
import fc from 'fast-check'
import type { Channel } from '../../src/channel/channel.ts'
import { channelPair } from '../../src/channel/testing/channel-pair.ts'
import { Recorder } from '../../src/channel/testing/recorder.ts'
import { createIdentity } from '../../src/identity/private-key.ts'
import { CLOCK_SKEW_MS } from '../../src/identity/ticket.ts'
import type { Lane } from '../../src/lane/lane.ts'
import { connectInMemory, CONTENT, contentOf, eventually, fetchPiece, LaneHarness, never, PIECE_SIZE, settled, TASK } from './lane-harness.ts'

type Body = NonNullable<MessageInitShape<typeof PieceMessageSchema>['body']>
const taskId = Buffer.from(TASK, 'hex')
const message = (body: Body): Uint8Array => encode(PieceMessageSchema, create(PieceMessageSchema, { body }))
const request = (requestId: number, index = 0, id: Uint8Array = taskId): Uint8Array =>
  message({ case: 'request', value: { requestId, taskId: id, index, length: PIECE_SIZE } })

/** A served channel whose other end a test can misuse. */
async function rawChild(harness: LaneHarness): Promise<{ readonly channel: Channel; readonly heard: Recorder }> {
  const channel = await harness.channel()
  const heard = new Recorder()
  channel.receive(heard)
  return { channel, heard }
}

/** In steps, since a bucket fills no further than its burst. */
async function passInSteps(harness: LaneHarness, clock: VirtualClock, ms: number): Promise<void> {
  for (let step = 0; step < ms; step += 20) {
    clock.advance(20)
    await settled(() => harness.bytesSent)
  }
}

describe('a piece server', () => {
  it('checks on each request whether the ticket still counts, and takes a renewed one', async () => {
    const clock = new VirtualClock(1_800_000_000_000)
    const harness = new LaneHarness(connectInMemory, { clock })
    const lane = await harness.lane()
    lane.presentTicket(TASK, harness.ticket({ expiresAt: clock.wallTime() + 1000 }))
    await fetchPiece(lane, harness.piece(3))
    clock.advance(1000 + CLOCK_SKEW_MS + 1)
    await assert.rejects(fetchPiece(lane, harness.piece(3)), (error) => isDamselflyError(error, 'TICKET_INVALID'))
    lane.presentTicket(TASK, harness.ticket())
    await fetchPiece(lane, harness.piece(3))
    await lane.close()
  })

  it('keeps the ticket that counts longest', async () => {
    const clock = new VirtualClock(1_800_000_000_000)
    const harness = new LaneHarness(connectInMemory, { clock })
    const lane = await harness.laneWithTicket()
    lane.presentTicket(TASK, harness.ticket({ expiresAt: clock.wallTime() + 1000 }))
    clock.advance(CLOCK_SKEW_MS + 30_000)
    await fetchPiece(lane, harness.piece(3))
    await lane.close()
  })

  it('bounds what is open on one channel and on all', async () => {
    const held = Promise.withResolvers<void>()
    const harness = new LaneHarness(connectInMemory, { maxOpenPerChannel: 2, maxOpenRequests: 3 })
    harness.task.beforeRead = () => held.promise
    const isFull = (error: unknown): boolean => isDamselflyError(error, 'PIECE_REFUSED') && /too many/.test(error.message)
    const [first, second] = [await harness.laneWithTicket(), await harness.laneWithTicket()]
    const open = [fetchPiece(first, harness.piece(0)), fetchPiece(first, harness.piece(1)), fetchPiece(second, harness.piece(0))]
    await eventually(() => harness.server.openRequests === 3)
    await assert.rejects(fetchPiece(first, harness.piece(3)), isFull)
    await assert.rejects(fetchPiece(second, harness.piece(3)), isFull)
    held.resolve()
    await Promise.all(open)
    await eventually(() => harness.server.openRequests === 0)
    await fetchPiece(second, harness.piece(3))
    await Promise.all([first.close(), second.close()])
  })

  it('keeps to the upload limit', async () => {
    const clock = new VirtualClock()
    const limiter = new RateLimiter(100_000, clock)
    const harness = new LaneHarness(connectInMemory, { clock, uploadLimiter: limiter })
    const lane = await harness.laneWithTicket()
    const fetched = Promise.all([0, 1].map((index) => fetchPiece(lane, harness.piece(index))))
    for (let second = 0; second < 5; second++) {
      await settled(() => harness.bytesSent)
      assert.ok(harness.bytesSent <= second * 100_000 + 12 * 1024, `${harness.bytesSent} bytes after ${second} s`)
      await passInSteps(harness, clock, 1000)
    }
    assert.ok(harness.bytesSent >= 475_000, `only ${harness.bytesSent} bytes`)
    limiter.setLimits({ host: 0 })
    await fetched
    await lane.close()
  })

  it('is not held up by a task that has a limit of its own, nor by background', async () => {
    const clock = new VirtualClock()
    const limiter = new RateLimiter(0, clock)
    const harness = new LaneHarness(connectInMemory, { clock, uploadLimiter: limiter })
    const lane = await harness.laneWithTicket()
    limiter.limitTask(TASK, 10_000)
    const slow = fetchPiece(lane, harness.piece(0))
    await settled(() => harness.bytesSent)
    const other = 'cd'.repeat(32) as TaskId
    harness.store.add(other, CONTENT, PIECE_SIZE, [])
    lane.presentTicket(other, harness.ticket({ taskId: other }))
    assert.deepEqual(await fetchPiece(lane, harness.piece(1), other), contentOf(harness.piece(1)))
    assert.ok(harness.server.openRequests >= 1)
    limiter.limitTask(TASK, undefined)
    await slow
    await lane.close()
  })

  it('serves background what foreground leaves', async () => {
    const clock = new VirtualClock()
    const harness = new LaneHarness(connectInMemory, { clock, uploadLimiter: new RateLimiter(200_000, clock) })
    const lanes = [await harness.laneWithTicket(), await harness.laneWithTicket(createIdentity())] as const
    const received = { background: 0, foreground: 0 }
    const ask = (lane: Lane, priority: Priority): void => {
      const sink = (bytes: Uint8Array): void => void (received[priority] += bytes.length)
      lane.request(TASK, harness.piece(0), sink, never, priority).catch(() => undefined)
    }
    ask(lanes[0], 'background')
    ask(lanes[1], 'foreground')
    await passInSteps(harness, clock, 2500)
    assert.ok(received.foreground > 450_000 && received.background < 50_000, JSON.stringify(received))
    await Promise.all(lanes.map((lane) => lane.close()))
  })

  it('lets children take turns, however much each of them asks for', async () => {
    const clock = new VirtualClock()
    const harness = new LaneHarness(connectInMemory, { clock, uploadLimiter: new RateLimiter(1_000_000, clock) })
    const children = [createIdentity(), createIdentity()] as const
    const received = [0, 0]
    const lanes = await Promise.all(children.map((child) => harness.laneWithTicket(child)))
    const ask = (who: number): Promise<void> | undefined =>
      lanes[who]?.request(TASK, harness.piece(0), (bytes) => void (received[who] = (received[who] ?? 0) + bytes.length), never)
    const requests = [...Array.from({ length: 20 }, () => ask(0)), ...Array.from({ length: 4 }, () => ask(1))]
    for (const asked of requests) asked?.catch(() => undefined)
    for (let step = 0; step < 30; step++) {
      clock.advance(100)
      await settled(() => harness.bytesSent)
    }
    const [greedy = 0, modest = 0] = received
    assert.ok(modest > 0 && greedy < modest + 2 * 256 * 1024 + 40_000, `${greedy} and ${modest} bytes`)
    await Promise.all(lanes.map((lane) => lane.close()))
  })

  it('gives up a child that takes nothing for a minute', async () => {
    const clock = new VirtualClock()
    const harness = new LaneHarness(connectInMemory, { clock })
    const { channel, heard } = await rawChild(harness)
    channel.sendMessage(message({ case: 'ticket', value: { signedTicket: harness.ticket() } }))
    channel.pause()
    for (let id = 1; id <= 8; id++) channel.sendMessage(request(id))
    await settled(() => harness.bytesSent)
    assert.equal(harness.task.users, 1)
    const open = harness.server.openRequests
    clock.advance(59_000)
    assert.equal(harness.server.openRequests, open)
    clock.advance(1_000)
    await eventually(() => harness.server.openRequests === 0 && harness.task.users === 0)
    channel.resume()
    await heard.whenClosed()
  })

  it('closes a channel that nobody used for two minutes', async () => {
    const clock = new VirtualClock(1_800_000_000_000)
    const harness = new LaneHarness(connectInMemory, { clock })
    const lane = await harness.laneWithTicket()
    clock.advance(100_000)
    lane.presentTicket(TASK, harness.ticket())
    await fetchPiece(lane, harness.piece(3))
    clock.advance(60_000)
    await fetchPiece(lane, harness.piece(3))
    assert.ok(!lane.closed.aborted)
    await eventually(() => harness.server.openRequests === 0)
    clock.advance(120_000)
    await eventually(() => lane.closed.aborted)
  })

  it('keeps little for a child that does not read', async () => {
    const harness = new LaneHarness(connectInMemory)
    const { channel } = await rawChild(harness)
    channel.sendMessage(message({ case: 'ticket', value: { signedTicket: harness.ticket() } }))
    channel.pause()
    for (let id = 1; id <= 40; id++) channel.sendMessage(request(id))
    await settled(() => harness.bytesSent)
    assert.ok(harness.bytesSent < 2 * 1024 * 1024, `${harness.bytesSent} bytes were queued`)
    channel.abort(new Error('done'))
    await eventually(() => harness.server.openRequests === 0)
  })

  it('does not hear a child that does not read its refusals', async () => {
    // Where no time passes nobody is told to wait for having taken too much of it.
    const harness = new LaneHarness(connectInMemory, { clock: new VirtualClock() })
    const { channel, heard } = await rawChild(harness)
    channel.pause()
    const total = 30_000
    for (let id = 1; id <= total; id++) channel.sendMessage(request(id))
    await settled(() => harness.refusals.length)
    assert.ok(harness.refusals.length < total * 0.8, `${harness.refusals.length} refusals were queued`)
    channel.resume()
    await heard.when(() => heard.messages.length === total)
    await channel.close()
  })

  it('closes the channel of a child that breaks the protocol', async () => {
    const broken: readonly (readonly [string, (channel: Channel) => unknown])[] = [
      ['garbage', (channel) => channel.sendMessage(Buffer.from('garbage'))],
      ['nothing', (channel) => channel.sendMessage(new Uint8Array())],
      ['data', (channel) => channel.sendData(1, Buffer.from('data'))],
      ['a refusal', (channel) => channel.sendMessage(message({ case: 'refusal', value: { requestId: 1 } }))],
      ['a short task id', (channel) => channel.sendMessage(request(1, 0, taskId.subarray(1)))],
      ['an id twice', (channel) => [0, 0].map(() => channel.sendMessage(request(7)))],
    ]
    for (const [what, misuse] of broken) {
      const harness = new LaneHarness(connectInMemory)
      const [near, far] = channelPair({ peers: [harness.child.peerId, harness.parent.peerId] })
      const heard = new Recorder()
      near.receive(heard)
      harness.server.serve(far)
      near.sendMessage(message({ case: 'ticket', value: { signedTicket: harness.ticket() } }))
      await misuse(near)
      await heard.whenClosed()
      await assert.rejects(far.writable(), (error) => isDamselflyError(error, 'CHANNEL_CLOSED'), what)
      await eventually(() => harness.server.openRequests === 0)
    }
  })

  it('serves no other protocol', async () => {
    const harness = new LaneHarness(connectInMemory)
    const [near, far] = channelPair({ protocol: '/damselfly/control/1' })
    const heard = new Recorder()
    near.receive(heard)
    harness.server.serve(far)
    assert.ok(isDamselflyError(await heard.whenClosed(), 'CHANNEL_CLOSED'))
  })

  it('survives any messages, and has nothing open afterwards', async () => {
    const anyBody: fc.Arbitrary<Uint8Array> = fc.oneof(
      fc.uint8Array({ maxLength: 200 }),
      fc.record({ id: fc.nat(5), index: fc.nat(5), whole: fc.boolean() }).map(({ id, index, whole }) => request(id, index, whole ? taskId : taskId.subarray(2))),
      fc.nat(5).map((requestId) => message({ case: 'cancel', value: { requestId } })),
      fc.uint8Array({ maxLength: 50 }).map((signedTicket) => message({ case: 'ticket', value: { signedTicket } })),
    )
    await fc.assert(
      fc.asyncProperty(fc.array(anyBody, { maxLength: 20 }), fc.boolean(), async (bodies, hasTicket) => {
        const harness = new LaneHarness(connectInMemory)
        const { channel, heard } = await rawChild(harness)
        if (hasTicket) channel.sendMessage(message({ case: 'ticket', value: { signedTicket: harness.ticket() } }))
        for (const body of bodies) channel.sendMessage(body)
        await channel.close()
        await heard.whenClosed()
        await eventually(() => harness.server.openRequests === 0 && harness.task.users === 0)
      }),
      { numRuns: 60 },
    )
  })
})
