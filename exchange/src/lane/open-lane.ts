import {
  DamselflyError,
  isDamselflyError,
  messageOf,
  toDamselflyError,
  type PeerId,
  type PieceRange,
  type Priority,
  type RateFlow,
  type RateLimiter,
  type TaskId,
} from '@damselfly/shared'
import type { PieceRefusal } from '@damselfly/shared/wire'
import { hostOfAddress } from '../channel/address.ts'
import type { Channel, ChannelKind } from '../channel/channel.ts'
import { FlowGate } from './flow-gate.ts'
import { IncomingPiece } from './incoming-piece.ts'
import type { Lane, PieceBytes } from './lane.ts'
import { PacedDelivery } from './paced-delivery.ts'
import { decodePieceMessage, encodeCancel, encodeRequest, encodeTicket, MAX_REASON_CHARACTERS } from './piece-messages.ts'

export interface LaneInit {
  /** Shared by all downloads of this peer. */
  readonly downloadLimiter: RateLimiter
  /** Called whenever the number of open requests changes. */
  readonly onOpenChange?: (open: number) => void
}

/** What may wait for slow sinks before the parent is held back; bytes. */
const MAX_UNSETTLED_BYTES = 4 * 1024 * 1024

/** A parent answers each cancel soon; one that leaves so many unanswered breaks the protocol. */
const MAX_CANCELLED = 1024

/** Flows are kept for the next request; whose they are that are forgotten is not known, and making one costs little. */
const MOST_FLOWS = 64

/** Request ids are u32. */
const ID_LIMIT = 2 ** 32

/** The child's side of a `/damselfly/piece/1` channel. */
export function openLane(channel: Channel, init: LaneInit): Lane {
  return new ChannelLane(channel, init)
}

/** What may still come for a cancelled request. */
interface Remainder {
  bytes: number
  readonly flow: RateFlow
}

class ChannelLane implements Lane {
  readonly host: string
  readonly #channel: Channel
  readonly #init: LaneInit
  readonly #gate: FlowGate
  readonly #closed = new AbortController()
  readonly #incoming = new Map<number, IncomingPiece>()
  /** Bytes that may still come for cancelled requests; the parent ends each with a refusal or its last byte. */
  readonly #cancelled = new Map<number, Remainder>()
  readonly #flows = new Map<string, RateFlow>()
  readonly #paced: PacedDelivery
  readonly #tickets = new Map<TaskId, Uint8Array>()
  #nextId = 1
  #receivedBytes = 0
  #unsettledBytes = 0
  #sinksCaughtUp: PromiseWithResolvers<void> | undefined

  constructor(channel: Channel, init: LaneInit) {
    this.host = hostOfAddress(channel.remoteAddress)
    this.#channel = channel
    this.#init = init
    this.#gate = new FlowGate(channel)
    this.#paced = new PacedDelivery(this.#gate, this.closed)
    channel.receive({
      message: (bytes) => this.#message(bytes),
      data: (id, bytes) => this.#data(id, bytes),
      closed: (error) => this.#channelClosed(error),
    })
  }

  get kind(): ChannelKind {
    return this.#channel.kind
  }

  get parent(): PeerId {
    return this.#channel.remotePeer
  }

  get receivedBytes(): number {
    return this.#receivedBytes
  }

  get open(): number {
    return this.#incoming.size
  }

  get closed(): AbortSignal {
    return this.#closed.signal
  }

  get isHeldBack(): boolean {
    return this.#paced.isHolding
  }

  get heldBackMs(): number {
    return this.#paced.heldMs
  }

  presentTicket(taskId: TaskId, signedTicket: Uint8Array): void {
    const shown = this.#tickets.get(taskId)
    if (shown !== undefined && Buffer.compare(shown, signedTicket) === 0) return
    this.#channel.sendMessage(encodeTicket(signedTicket))
    this.#tickets.set(taskId, signedTicket)
  }

  async request(
    taskId: TaskId,
    piece: PieceRange,
    sink: PieceBytes,
    signal: AbortSignal,
    priority: Priority = 'foreground',
  ): Promise<void> {
    signal.throwIfAborted()
    if (piece.length < 1) throw new RangeError('a piece has at least one byte')
    const id = this.#takeId()
    this.#channel.sendMessage(encodeRequest(id, taskId, piece, priority))
    const incoming = new IncomingPiece(id, piece.length, this.#flowOf(taskId, priority), sink, (error) => this.#cancel(incoming, error))
    const cancel = (): void => this.#cancel(incoming, signal.reason)
    signal.addEventListener('abort', cancel, { once: true })
    this.#incoming.set(id, incoming)
    this.#openChanged()
    try {
      await incoming.settled
    } finally {
      signal.removeEventListener('abort', cancel)
      if (this.#incoming.delete(id)) this.#openChanged()
    }
  }

  close(): Promise<void> {
    this.#channelClosed(new DamselflyError('CHANNEL_CLOSED', 'the lane was closed on this side'))
    return this.#channel.close()
  }

  #takeId(): number {
    const id = this.#nextId
    this.#nextId = (id + 1) % ID_LIMIT
    return id
  }

  #openChanged(): void {
    this.#init.onOpenChange?.(this.#incoming.size)
  }

  #message(bytes: Uint8Array): void {
    try {
      const { body } = decodePieceMessage(bytes)
      if (body.case !== 'refusal') {
        throw new DamselflyError('PROTOCOL', `a parent sent '${body.case ?? 'nothing'}' to a child`)
      }
      this.#refused(body.value)
    } catch (error) {
      this.#channel.abort(toDamselflyError(error, 'PROTOCOL'))
    }
  }

  #refused(refusal: PieceRefusal): void {
    if (this.#cancelled.delete(refusal.requestId)) return
    const incoming = this.#incoming.get(refusal.requestId)
    if (incoming === undefined || incoming.remaining === 0) {
      throw new DamselflyError('PROTOCOL', `the parent refused request ${refusal.requestId}, which is not open`)
    }
    this.#end(incoming, errorOfRefusal(refusal))
  }

  #flowOf(task: TaskId, priority: Priority): RateFlow {
    const key = `${priority} ${task}`
    const known = this.#flows.get(key)
    if (known !== undefined) return known
    if (this.#flows.size >= MOST_FLOWS) this.#flows.clear()
    const flow = this.#init.downloadLimiter.flow({ task, peer: this.parent, priority })
    this.#flows.set(key, flow)
    return flow
  }

  #data(id: number, bytes: Uint8Array): void {
    this.#receivedBytes += bytes.length
    const flow = this.#incoming.get(id)?.flow ?? this.#cancelled.get(id)?.flow
    if (flow === undefined || (flow.unlimited && !this.#paced.isHolding)) this.#deliver(id, bytes)
    else this.#paced.push(bytes, flow, (part) => this.#deliver(id, part))
  }

  #deliver(id: number, bytes: Uint8Array): void {
    const incoming = this.#incoming.get(id)
    const cancelled = this.#cancelled.get(id)
    const remaining = incoming?.remaining ?? cancelled?.bytes ?? 0
    if (bytes.length > remaining) {
      this.#channel.abort(new DamselflyError('PROTOCOL', `the parent sent more than was asked for in request ${id}`))
    } else if (incoming !== undefined) {
      this.#waitForSink(incoming.take(bytes), bytes.length)
    } else if (cancelled !== undefined && remaining > bytes.length) {
      cancelled.bytes -= bytes.length
    } else {
      this.#cancelled.delete(id)
    }
  }

  #waitForSink(pending: Promise<void> | undefined, bytes: number): void {
    if (pending === undefined) return
    this.#unsettledBytes += bytes
    void pending.then(() => {
      this.#unsettledBytes -= bytes
      if (this.#unsettledBytes > MAX_UNSETTLED_BYTES) return
      this.#sinksCaughtUp?.resolve()
      this.#sinksCaughtUp = undefined
    })
    if (this.#unsettledBytes <= MAX_UNSETTLED_BYTES || this.#sinksCaughtUp !== undefined) return
    this.#sinksCaughtUp = Promise.withResolvers()
    this.#gate.holdUntil(this.#sinksCaughtUp.promise)
  }

  /** The caller or its sink wants no more of this piece. */
  #cancel(incoming: IncomingPiece, error: unknown): void {
    if (!this.#end(incoming, error) || incoming.remaining === 0 || this.closed.aborted) return
    this.#cancelled.set(incoming.id, { bytes: incoming.remaining, flow: incoming.flow })
    if (this.#cancelled.size > MAX_CANCELLED) {
      this.#channel.abort(new DamselflyError('PROTOCOL', 'the parent does not answer cancels'))
      return
    }
    try {
      this.#channel.sendMessage(encodeCancel(incoming.id))
    } catch (closed) {
      if (!isDamselflyError(closed, 'CHANNEL_CLOSED')) throw closed
    }
  }

  /** @returns whether it was open. */
  #end(incoming: IncomingPiece, error: unknown): boolean {
    if (!this.#incoming.delete(incoming.id)) return false
    incoming.fail(error)
    this.#openChanged()
    return true
  }

  #channelClosed(error: Error | undefined): void {
    const reason = closedReason(error)
    this.#closed.abort(reason)
    for (const incoming of this.#incoming.values()) this.#end(incoming, reason)
    this.#sinksCaughtUp?.resolve()
  }
}

/**
 * The parent chooses code and message, so only codes that a refusal may have are taken over:
 * another one could pass for a failure of this side, such as a full disk.
 */
function errorOfRefusal({ code, message }: PieceRefusal): DamselflyError {
  const reason = message.slice(0, MAX_REASON_CHARACTERS)
  if (code === 'TICKET_INVALID') return new DamselflyError('TICKET_INVALID', `the parent refused: ${reason}`)
  return new DamselflyError('PIECE_REFUSED', `the parent refused: ${reason} (${code.slice(0, 40)})`)
}

function closedReason(error: Error | undefined): DamselflyError {
  if (isDamselflyError(error, 'PROTOCOL') || isDamselflyError(error, 'CHANNEL_CLOSED')) return error
  const why = error === undefined ? 'the other side closed it' : messageOf(error)
  return new DamselflyError('CHANNEL_CLOSED', `the lane is closed: ${why}`, { cause: error })
}
