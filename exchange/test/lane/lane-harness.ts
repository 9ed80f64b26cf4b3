import { randomBytes } from 'node:crypto'
import { RateLimiter, systemClock, type Clock, type PieceRange, type TaskId } from '@damselfly/shared'
import { silentLogger } from '@damselfly/shared/logging'
import type { Channel } from '../../src/channel/channel.ts'
import { channelPair } from '../../src/channel/testing/channel-pair.ts'
import type { Identity } from '../../src/identity/identity.ts'
import { createIdentity } from '../../src/identity/private-key.ts'
import { signTicket, type TicketGrant } from '../../src/identity/ticket.ts'
import type { Lane } from '../../src/lane/lane.ts'
import { openLane } from '../../src/lane/open-lane.ts'
import { createPieceServer, type PieceServer, type PieceServerInit } from '../../src/lane/piece-server.ts'
import { MemoryPieceStore } from './memory-piece-store.ts'

export const TASK = 'ab'.repeat(32) as TaskId
export const PIECE_SIZE = 600 * 1024

/** Four pieces, the last one shorter, the third one not held. */
export const CONTENT = randomBytes(PIECE_SIZE * 3 + 1234)
export const MISSING = 2

export const never = new AbortController().signal

/** How the ends of a lane are connected. */
export type Connect = (child: Identity, parent: Identity) => Promise<readonly [near: Channel, far: Channel]>

export const connectInMemory: Connect = async (child, parent) =>
  channelPair({ peers: [child.peerId, parent.peerId], capacity: 128 * 1024, portion: 20_000 })

/** A parent with a store and a server, and what a test needs to make lanes to it. */
export class LaneHarness {
  readonly supernode = createIdentity()
  readonly parent = createIdentity()
  readonly child = createIdentity()
  readonly store = new MemoryPieceStore()
  readonly task = this.store.add(TASK, CONTENT, PIECE_SIZE, [MISSING])
  readonly server: PieceServer
  readonly clock: Clock
  bytesSent = 0
  readonly refusals: string[] = []
  readonly served: number[] = []
  readonly #connect: Connect
  readonly #served: Channel[] = []

  constructor(connect: Connect, change: Partial<PieceServerInit> = {}) {
    this.#connect = connect
    this.clock = change.clock ?? systemClock
    this.server = createPieceServer({
      parent: this.parent.peerId,
      supernodes: () => new Set([this.supernode.peerId]),
      store: this.store,
      uploadLimiter: new RateLimiter(0, this.clock),
      clock: this.clock,
      logger: silentLogger(),
      listener: {
        bytesSent: (bytes) => void (this.bytesSent += bytes),
        pieceRefused: (_child, code) => void this.refusals.push(code),
        pieceServed: ({ index }) => void this.served.push(index),
      },
      ...change,
    })
  }

  /** A channel whose other end is served. */
  async channel(child: Identity = this.child): Promise<Channel> {
    const [near, far] = await this.#connect(child, this.parent)
    this.#served.push(far)
    this.server.serve(far)
    return near
  }

  /** As if the parent had died. */
  breakChannels(): void {
    for (const channel of this.#served) channel.abort(new Error('broken'))
  }

  async lane(child: Identity = this.child, limiter = new RateLimiter(0, systemClock)): Promise<Lane> {
    return openLane(await this.channel(child), { downloadLimiter: limiter })
  }

  async laneWithTicket(child: Identity = this.child, limiter?: RateLimiter): Promise<Lane> {
    const lane = await this.lane(child, limiter)
    lane.presentTicket(TASK, this.ticket({ child: child.peerId }))
    return lane
  }

  ticket(change: Partial<TicketGrant> = {}, signer: Identity = this.supernode): Uint8Array {
    const expiresAt = this.clock.wallTime() + 60_000
    return signTicket(signer, { taskId: TASK, child: this.child.peerId, parent: this.parent.peerId, expiresAt, issuedAt: this.clock.wallTime(), ...change })
  }

  piece(index: number): PieceRange {
    return this.task.layout.piece(index)
  }
}

/** Fetches a piece into memory. */
export async function fetchPiece(lane: Lane, piece: PieceRange, taskId: TaskId = TASK): Promise<Buffer> {
  const parts: Buffer[] = []
  await lane.request(taskId, piece, (bytes) => void parts.push(Buffer.from(bytes)), never)
  return Buffer.concat(parts)
}

export function contentOf({ offset, length }: PieceRange): Buffer {
  return CONTENT.subarray(offset, offset + length)
}

/** Turns of the event loop until the condition holds. */
export async function eventually(condition: () => boolean): Promise<void> {
  while (!condition()) await new Promise((resolve) => setImmediate(resolve))
}

/** Waits until the value has stayed the same for many turns of the event loop. */
export async function settled(value: () => number): Promise<void> {
  for (let last = -1; last !== value(); ) {
    last = value()
    for (let turn = 0; turn < 100; turn++) await new Promise((resolve) => setImmediate(resolve))
  }
}

