import assert from 'node:assert/strict'
import { DamselflyError, RateLimiter, systemClock, taskIdToBytes, deriveTaskId } from '@damselfly/shared'
import { create, encode, PeerBatchSchema, type MessageInitShape } from '@damselfly/shared/wire'
import { FRAME, frameHeader } from '../../../exchange/src/channel/frame.ts'
import { FramedChannel } from '../../../exchange/src/channel/framed-channel.ts'
import { memoryLinkPair } from '../../../exchange/src/channel/testing/memory-link.ts'
import { openLane } from '../../../exchange/src/lane/open-lane.ts'
import { encodeCancel, encodeRefusal, encodeRequest, encodeTicket } from '../../../exchange/src/lane/piece-messages.ts'
import { connectInMemory, contentOf, fetchPiece, LaneHarness, TASK } from '../../../exchange/test/lane/lane-harness.ts'
import { createControlBench, largeContent, settle, type ControlBench } from '../../../supernode/test/control-bench.ts'
import { FakePeer } from '../../../supernode/test/fake-peer.ts'
import type { FuzzTarget } from '../../src/fuzz/target.ts'

const URL_A = 'http://origin.test/a'
const TASK_A = taskIdToBytes(deriveTaskId({ url: URL_A }))
/** Inputs between two questions whether the others are served. */
const OTHERS_EVERY = 50
/** A supernode remembers what was registered; another takes its place then. */
const INPUTS_OF_A_BENCH = 400

type Said = NonNullable<MessageInitShape<typeof PeerBatchSchema>['messages']>[number]['body']

function batch(...bodies: readonly NonNullable<Said>[]): Uint8Array {
  return encode(PeerBatchSchema, create(PeerBatchSchema, { messages: bodies.map((body) => ({ body })) }))
}

const spec = { url: URL_A }
const register = { case: 'register', value: { requestId: 1, spec, order: 'in-order', wantedFrom: 5n } } as const
const want = { case: 'want', value: { taskId: TASK_A, count: 8 } } as const
const announce = { case: 'announce', value: { taskId: TASK_A, spec, contentLength: 2500n, pieceSize: 1000, have: Buffer.from([0b111]), pieceDigests: Buffer.alloc(96, 7) } } as const
const told = [
  { case: 'pieceDone', value: { taskId: TASK_A, index: 0, parent: 'x', bytes: 1000, durationUs: 5 } },
  { case: 'pieceStored', value: { taskId: TASK_A, index: 1, digest: Buffer.alloc(32, 5) } },
  { case: 'pieceFailed', value: { taskId: TASK_A, index: 1, parent: 'x', reason: 'PIECE_DIGEST', message: 'wrong' } },
  { case: 'leaveTask', value: { taskId: TASK_A } },
  { case: 'dropTask', value: { taskId: TASK_A } },
  { case: 'preheatReport', value: { preheatId: 1, done: true } },
] as const

let bench: ControlBench | undefined
let inputs = 0

function openBench(): ControlBench {
  const opened = createControlBench()
  opened.cdn.contents.set(URL_A, largeContent(3))
  return opened
}

/** Whatever an admitted peer says: its session ends at most, and others are answered. */
async function saySomething(input: Uint8Array): Promise<void> {
  if (++inputs % INPUTS_OF_A_BENCH === 0) {
    await bench?.stop()
    bench = openBench()
  }
  const { control, clock } = bench ?? assert.fail('there is no bench')
  const one = FakePeer.greet(control)
  one.channel.deliver(input)
  await settle()
  clock.advance(100)
  await settle()
  one.channel.hangUp()
  if (inputs % OTHERS_EVERY !== 0) return
  const other = FakePeer.greet(control)
  const answered = other.register({ url: URL_A })
  await settle()
  clock.advance(1_000)
  const { errorCode } = await answered
  assert.equal(errorCode, '', 'another peer is refused')
  other.channel.hangUp()
}

const harness = new LaneHarness(connectInMemory)
const goodTicket = harness.ticket({ expiresAt: harness.clock.wallTime() + 48 * 3_600_000 })

function message(bytes: Uint8Array): Uint8Array {
  return Buffer.concat([frameHeader(FRAME.message, 0, bytes.length), bytes])
}

function data(stream: number, bytes: Uint8Array): Uint8Array {
  return Buffer.concat([frameHeader(FRAME.data, stream, bytes.length), bytes])
}

const END = frameHeader(FRAME.end, 0, 0)
const piece = harness.piece(3)
const askForPiece = message(encodeRequest(1, TASK, piece, 'foreground'))

function rawLink(): ReturnType<typeof memoryLinkPair> {
  return memoryLinkPair({ capacity: 1024 * 1024, delayMs: 0, portion: 64 * 1024, clock: systemClock })
}

const shared = { kind: 'direct', protocol: '/damselfly/piece/1', clock: systemClock } as const

/** Bytes that a child sends to a parent: pieces go to nobody who showed no ticket. */
async function askParent(input: Uint8Array): Promise<void> {
  const [near, far] = rawLink()
  harness.server.serve(new FramedChannel({ ...shared, link: far, remotePeer: harness.child.peerId, remoteAddress: 'memory:1' }))
  let bytes = 0
  const closed = new Promise<void>((resolve) => near.attach({ bytes: (part) => void (bytes += part.length), ended: () => near.end(), closed: () => resolve() }))
  near.write([Buffer.from(input)], () => undefined)
  near.write([END], () => undefined)
  near.end()
  await closed
  const isShown = Buffer.from(input).includes(goodTicket)
  if (!isShown) assert.ok(bytes < 64 * 1024, `${bytes} bytes for nobody`)
  if (++inputs % OTHERS_EVERY !== 0) return
  const lane = await harness.laneWithTicket()
  assert.deepEqual(await fetchPiece(lane, piece), contentOf(piece), 'another child is not served')
  await lane.close()
}

/** Bytes that a parent sends to a child: no more reach a sink than were asked for, and each request ends. */
async function answerChild(input: Uint8Array): Promise<void> {
  const [near, far] = rawLink()
  const lane = openLane(new FramedChannel({ ...shared, link: near, remotePeer: harness.parent.peerId, remoteAddress: 'memory:2' }), { downloadLimiter: new RateLimiter(0, systemClock) })
  lane.presentTicket(TASK, goodTicket)
  const asked = [1, 40, 5000].map(async (length, index) => {
    let bytes = 0
    const range = { index, offset: 0, length, start: 0, end: length } as never
    await lane.request(TASK, range, (part) => void (bytes += part.length), new AbortController().signal).then(
      () => assert.equal(bytes, length),
      (error: unknown) => {
        if (error instanceof assert.AssertionError || !(error instanceof DamselflyError)) throw error
      },
    )
    assert.ok(bytes <= length, `${bytes} bytes of ${length}`)
  })
  far.attach({ bytes: () => undefined, ended: () => far.end(), closed: () => undefined })
  far.write([Buffer.from(input)], () => undefined)
  far.write([END], () => undefined)
  far.end()
  await Promise.all(asked)
}

export const targets: readonly FuzzTarget[] = [
  {
    name: 'sessions-of-peers',
    seeds: [batch(register, want), batch(announce, register, want), batch(register, want, ...told), batch(announce, ...told)],
    words: [URL_A, Buffer.from(TASK_A).toString('latin1'), 'in-order', 'rarest-first'],
    start: async () => void (bench = openBench()),
    stop: async () => bench?.stop(),
    run: saySomething,
  },
  {
    name: 'requests-of-children',
    seeds: [
      Buffer.concat([message(encodeTicket(goodTicket)), askForPiece]),
      Buffer.concat([message(encodeTicket(goodTicket)), askForPiece, message(encodeCancel(1)), askForPiece]),
      Buffer.concat([askForPiece, data(1, Buffer.alloc(5))]),
    ],
    run: askParent,
  },
  {
    name: 'answers-of-parents',
    seeds: [
      Buffer.concat([data(1, Buffer.alloc(1, 1)), data(2, Buffer.alloc(40, 2)), data(3, Buffer.alloc(3000, 3)), data(3, Buffer.alloc(2000, 4))]),
      Buffer.concat([message(encodeRefusal(1, 'NOT_FOUND', 'gone')), data(2, Buffer.alloc(41)), message(encodeRefusal(3, 'TICKET_INVALID', 'no'))]),
    ],
    maxBytes: 8192,
    run: answerChild,
  },
]
