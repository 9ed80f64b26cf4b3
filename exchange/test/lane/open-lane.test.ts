import assert from 'node:assert/strict'
import { isDamselflyError, RateLimiter, systemClock, VirtualClock, type ErrorCode } from '@damselfly/shared'
import { create, encode, PieceMessageSchema, type MessageInitShape } from '@damselfly/shared/wire'
import fc from 'fast-check'
import type { Channel } from '../../src/channel/channel.ts'
import { channelPair } from '../../src/channel/testing/channel-pair.ts'
import { Recorder } from '../../src/channel/testing/recorder.ts'
import type { Lane } from '../../src/lane/lane.ts'
import { openLane } from '../../src/lane/open-lane.ts'
import { connectInMemory, eventually, LaneHarness, never, settled, TASK } from './lane-harness.ts'

type Body = NonNullable<MessageInitShape<typeof PieceMessageSchema>['body']>
const message = (body: Body): Uint8Array => encode(PieceMessageSchema, create(PieceMessageSchema, { body }))
const refusal = (requestId: number, code = 'PIECE_REFUSED', text = 'no'): Uint8Array =>
  message({ case: 'refusal', value: { requestId, code, message: text } })

const PIECE = { index: 0, offset: 0, length: 100 }
const withCode = (code: ErrorCode, why = /./) => (error: unknown): boolean => isDamselflyError(error, code) && why.test(error.message)

/** A lane to a parent that a test plays. */
function laneToRawParent(): { readonly lane: Lane; readonly parent: Channel; readonly heard: Recorder } {
  const [near, parent] = channelPair()
  const heard = new Recorder()
  parent.receive(heard)
  return { lane: openLane(near, { downloadLimiter: new RateLimiter(0, systemClock) }), parent, heard }
}

/** An open request (id 1), and what its sink was given. */
function opened(lane: Lane, signal = never): { readonly done: Promise<void>; readonly received: () => number } {
  let received = 0
  const done = lane.request(TASK, PIECE, (bytes) => void (received += bytes.length), signal)
  done.catch(() => undefined)
  return { done, received: () => received }
}

describe('a lane', () => {
  it('breaks with PROTOCOL when the parent sends what was not asked for', async () => {
    const broken: readonly (readonly [string, (parent: Channel) => unknown])[] = [
      ['too many bytes', (parent) => parent.sendData(1, Buffer.alloc(101))],
      ['too many bytes in parts', async (parent) => {
        await parent.sendData(1, Buffer.alloc(60))
        await parent.sendData(1, Buffer.alloc(60))
      }],
      ['data of another request', (parent) => parent.sendData(2, Buffer.alloc(1))],
      ['a refusal of another request', (parent) => parent.sendMessage(refusal(2))],
      ['a request', (parent) => parent.sendMessage(message({ case: 'request', value: {} }))],
      ['garbage', (parent) => parent.sendMessage(Buffer.from('garbage'))],
      ['nothing', (parent) => parent.sendMessage(new Uint8Array())],
    ]
    for (const [what, misuse] of broken) {
      const { lane, parent, heard } = laneToRawParent()
      const { done, received } = opened(lane)
      await misuse(parent)
      await assert.rejects(done, withCode('PROTOCOL'), what)
      assert.ok(received() <= PIECE.length)
      assert.ok(isDamselflyError(lane.closed.reason, 'PROTOCOL'))
      assert.equal(lane.open, 0)
      await heard.whenClosed()
    }
  })

  it('takes no refusal for a piece that came whole', async () => {
    const { lane, parent } = laneToRawParent()
    const { done } = opened(lane)
    await parent.sendData(1, Buffer.alloc(100))
    await done
    parent.sendMessage(refusal(1))
    await eventually(() => lane.closed.aborted)
    assert.ok(isDamselflyError(lane.closed.reason, 'PROTOCOL'))
  })

  it('takes a refusal in the middle of a piece', async () => {
    const { lane, parent } = laneToRawParent()
    const { done } = opened(lane)
    await parent.sendData(1, Buffer.alloc(50))
    parent.sendMessage(refusal(1, 'DISK_FAILED', 'broken disk'))
    await assert.rejects(done, withCode('PIECE_REFUSED', /broken disk \(DISK_FAILED\)/))
    assert.ok(!lane.closed.aborted)
  })

  it('never lets a parent choose an error that would pass for one of this side', async () => {
    for (const code of ['DISK_FULL', 'CANCELLED', 'INTERNAL', 'nonsense', 'x'.repeat(10_000)]) {
      const { lane, parent } = laneToRawParent()
      const { done } = opened(lane)
      parent.sendMessage(refusal(1, code, 'y'.repeat(5_000)))
      await assert.rejects(done, (error) => isDamselflyError(error, 'PIECE_REFUSED') && error.message.length < 500)
    }
  })

  it('ignores what still comes of a cancelled piece, but no more than that', async () => {
    const { lane, parent, heard } = laneToRawParent()
    const controller = new AbortController()
    const { done, received } = opened(lane, controller.signal)
    await parent.sendData(1, Buffer.alloc(30))
    await eventually(() => received() === 30)
    controller.abort(new Error('changed my mind'))
    await assert.rejects(done, /changed my mind/)
    await heard.when(() => heard.messages.length === 2)
    await parent.sendData(1, Buffer.alloc(40))
    await parent.sendData(1, Buffer.alloc(30))
    const next = opened(lane)
    await parent.sendData(2, Buffer.alloc(100))
    await next.done
    assert.equal(received(), 30)
    await parent.sendData(1, Buffer.alloc(1))
    await eventually(() => lane.closed.aborted)
    assert.ok(isDamselflyError(lane.closed.reason, 'PROTOCOL'))
  })

  it('lets the parent end a cancelled piece with a refusal', async () => {
    const { lane, parent } = laneToRawParent()
    const controller = new AbortController()
    const { done } = opened(lane, controller.signal)
    controller.abort(new Error('changed my mind'))
    await assert.rejects(done)
    parent.sendMessage(refusal(1, 'CANCELLED'))
    const next = opened(lane)
    await parent.sendData(2, Buffer.alloc(100))
    await next.done
    assert.ok(!lane.closed.aborted)
  })

  it('fails what is open when the parent closes before all came', async () => {
    const { lane, parent } = laneToRawParent()
    const { done } = opened(lane)
    await parent.sendData(1, Buffer.alloc(99))
    await parent.close()
    await assert.rejects(done, withCode('CHANNEL_CLOSED'))
  })

  it('shows the same ticket once', async () => {
    const { lane, heard } = laneToRawParent()
    for (const text of ['ticket', 'ticket', 'renewed']) lane.presentTicket(TASK, Buffer.from(text))
    opened(lane)
    await heard.when(() => heard.messages.length === 3)
  })

  it('keeps to the download limit, which it shares with other lanes', async () => {
    const clock = new VirtualClock()
    const limiter = new RateLimiter(100_000, clock)
    const harness = new LaneHarness(connectInMemory)
    const lanes = [await harness.laneWithTicket(harness.child, limiter), await harness.laneWithTicket(harness.child, limiter)]
    let received = 0
    const fetched = lanes.map((lane) => lane.request(TASK, harness.piece(0), (bytes) => void (received += bytes.length), never))
    for (let second = 0; second < 5; second++) {
      await settled(() => received)
      assert.ok(received <= second * 100_000 + 64 * 1024 + 3 * 20_000, `${received} bytes after ${second} s`)
      // In steps, since a bucket fills no further than its burst.
      for (let step = 0; step < 20; step++) {
        clock.advance(50)
        await settled(() => received)
      }
    }
    assert.ok(received >= 400_000, `only ${received} bytes`)
    limiter.setLimits({ host: 0 })
    clock.advance(10_000)
    await Promise.all(fetched)
    await Promise.all(lanes.map((lane) => lane.close()))
  })

  it('survives anything a parent sends', async () => {
    const anything = fc.oneof(
      fc.uint8Array({ maxLength: 100 }).map((bytes) => (parent: Channel) => parent.sendMessage(bytes)),
      fc.nat(4).map((id) => (parent: Channel) => parent.sendMessage(refusal(id))),
      fc.record({ id: fc.nat(4), length: fc.integer({ min: 1, max: 120 }) }).map(({ id, length }) => (parent: Channel) => {
        parent.sendData(id, Buffer.alloc(length)).catch(() => undefined)
      }),
    )
    await fc.assert(
      fc.asyncProperty(fc.array(anything, { maxLength: 12 }), async (steps) => {
        const { lane, parent } = laneToRawParent()
        const requests = [opened(lane), opened(lane), opened(lane)]
        for (const step of steps) step(parent)
        await parent.close()
        const results = await Promise.allSettled(requests.map(({ done }) => done))
        for (const [index, { status }] of results.entries()) {
          const received = requests[index]?.received() ?? 0
          assert.ok(status === 'fulfilled' ? received === PIECE.length : received <= PIECE.length)
        }
        assert.equal(lane.open, 0)
        await eventually(() => lane.closed.aborted)
      }),
      { numRuns: 100 },
    )
  })
})
