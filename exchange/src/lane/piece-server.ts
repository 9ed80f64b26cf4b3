import { DamselflyError, TimeShares, type Clock, type PeerId, type RateLimiter } from '@damselfly/shared'
import type { Logger } from '@damselfly/shared/logging'
import { hostOfAddress } from '../channel/address.ts'
import type { Channel } from '../channel/channel.ts'
import { BufferPool } from '../store/buffer-pool.ts'
import { revokedPeers, type RevokedTickets } from '../identity/revoked-tickets.ts'
import type { PieceStore } from '../store/piece-store.ts'
import { CHUNK_BYTES } from './piece-messages.ts'
import type { PieceServerListener } from './piece-server-listener.ts'
import { RequestSlots } from './request-slots.ts'
import type { SecurityInForce } from './security-in-force.ts'
import { ServedChannel } from './served-channel.ts'

export interface PieceServerInit {
  /** This side: the parent. */
  readonly parent: PeerId
  /** Whose tickets count. Asked on each ticket, since the supernode may change. */
  readonly supernodes: () => ReadonlySet<PeerId>
  readonly store: Pick<PieceStore, 'open'>
  /** Shared by all uploads of this peer. */
  readonly uploadLimiter: RateLimiter
  readonly clock: Clock
  /** Requests that may be open on all channels together. @default 1024 */
  readonly maxOpenRequests?: number
  /** Requests that may be open on one channel. @default 64 */
  readonly maxOpenPerChannel?: number
  readonly listener?: PieceServerListener
  /** The least that children must have; a channel that has less by now is ended. @default nothing */
  readonly security?: SecurityInForce
  /** Tickets that the supernode took back. @default none */
  readonly revoked?: RevokedTickets
  readonly logger: Logger
}

/** The sending side of the piece plane. */
export interface PieceServer {
  /** Serves a `/damselfly/piece/1` channel until it ends. */
  serve(channel: Channel): void
  /** Requests that are open now. */
  readonly openRequests: number
  /** Takes no new requests, lets the open ones end, then closes every channel. Idempotent. */
  close(): Promise<void>
}

const DEFAULT_MAX_OPEN = 1024
const DEFAULT_MAX_OPEN_PER_CHANNEL = 64

/** Buffers that are kept while nothing is sent: 16 MiB. */
const MAX_KEPT_BUFFERS = 32

/** While so many wait for children to read, each channel queues one at a time: 128 MiB. */
const CROWDED_BUFFERS = 256

/** What of this thread's time one child's messages may take, beside the pieces themselves. */
const MESSAGE_SHARE = { share: 0.25, burstMs: 1000 } as const

/**
 * Serves verified pieces to children with tickets.
 *
 * Each channel has one piece on its way at a time, beside those of limited tasks and of background, and takes a portion of
 * it from the upload limit at a time, which shares what there is among tasks and children.
 */
export function createPieceServer(init: PieceServerInit): PieceServer {
  return new TicketedPieceServer(init)
}

class TicketedPieceServer implements PieceServer {
  readonly #init: PieceServerInit
  readonly #buffers = new BufferPool(() => Buffer.allocUnsafeSlow(CHUNK_BYTES), MAX_KEPT_BUFFERS)
  readonly #channels = new Set<ServedChannel>()
  readonly #slots: RequestSlots
  readonly #shares: TimeShares<PeerId>
  #isClosing = false
  #idle: PromiseWithResolvers<void> | undefined
  readonly #unsubscribe: () => void

  constructor(init: PieceServerInit) {
    this.#init = init
    this.#slots = new RequestSlots(init.maxOpenRequests ?? DEFAULT_MAX_OPEN)
    this.#shares = new TimeShares({ ...MESSAGE_SHARE, clock: init.clock })
    const unsubscribe = init.revoked?.onChange((revocations) => {
      const peers = new Set(revokedPeers(revocations))
      for (const served of this.#channels) served.ticketsRevoked(peers)
    })
    this.#unsubscribe = unsubscribe ?? (() => undefined)
  }

  get openRequests(): number {
    return this.#slots.open
  }

  serve(channel: Channel): void {
    if (channel.protocol !== '/damselfly/piece/1' || this.#isClosing) {
      channel.abort(new DamselflyError('PIECE_REFUSED', 'no pieces are served here'))
      return
    }
    const { security, revoked } = this.#init
    const host = hostOfAddress(channel.remoteAddress)
    const served = new ServedChannel(channel, {
      ...this.#init,
      buffers: this.#buffers,
      listener: this.#init.listener ?? {},
      maxOpen: this.#init.maxOpenPerChannel ?? DEFAULT_MAX_OPEN_PER_CHANNEL,
      isCrowded: () => this.#buffers.inUse >= CROWDED_BUFFERS,
      waitAfter: (ms) => this.#shares.spend(channel.remotePeer, ms),
      tryOpen: () => !this.#isClosing && this.#slots.take(channel.remotePeer),
      isAllowed: () => security?.allows(channel.kind, host) ?? true,
      isRevoked: (grant) => revoked?.isRevoked(grant) ?? false,
      requestEnded: () => this.#requestEnded(channel.remotePeer),
      channelEnded: () => void this.#channels.delete(served),
    })
    this.#channels.add(served)
    channel.receive(served)
  }

  async close(): Promise<void> {
    this.#isClosing = true
    this.#unsubscribe()
    if (this.#slots.open > 0) {
      this.#idle ??= Promise.withResolvers()
      await this.#idle.promise
    }
    await Promise.all([...this.#channels].map((served) => served.close()))
  }

  #requestEnded(child: PeerId): void {
    this.#slots.give(child)
    if (this.#slots.open === 0) this.#idle?.resolve()
  }
}
