import { setImmediate as nextTurn } from 'node:timers/promises'
import {
  DamselflyError,
  isDamselflyError,
  pause,
  SHA256_BYTES,
  taskIdFromBytes,
  toDamselflyError,
  type Clock,
  type PeerId,
  type RateFlow,
  type RateLimiter,
  type TaskId,
} from '@damselfly/shared'
import type { Logger } from '@damselfly/shared/logging'
import type { PieceRequest } from '@damselfly/shared/wire'
import type { Channel, ChannelReceiver } from '../channel/channel.ts'
import type { TicketGrant } from '../identity/ticket.ts'
import type { BufferPool } from '../store/buffer-pool.ts'
import type { PieceStore, StoredTask } from '../store/piece-store.ts'
import { FlowGate } from './flow-gate.ts'
import { CHUNK_BYTES, decodePieceMessage, encodeRefusal } from './piece-messages.ts'
import type { PieceServerListener } from './piece-server-listener.ts'
import { TicketBook } from './ticket-book.ts'

export interface ServedChannelInit {
  readonly parent: PeerId
  readonly supernodes: () => ReadonlySet<PeerId>
  readonly store: Pick<PieceStore, 'open'>
  readonly uploadLimiter: RateLimiter
  readonly clock: Clock
  readonly buffers: BufferPool
  readonly maxOpen: number
  /** Whether so much waits to be read by children that none may queue ahead. */
  readonly isCrowded: () => boolean
  /** The child's messages took so long. @returns how long it is to wait; milliseconds, both */
  readonly waitAfter: (ms: number) => number
  /** Counts one more open request of the server; false when it, or this child, has too many. */
  readonly tryOpen: () => boolean
  /** Whether the channel is secure enough now. */
  readonly isAllowed: () => boolean
  /** Whether the supernode took a ticket back. */
  readonly isRevoked: (grant: TicketGrant) => boolean
  readonly requestEnded: () => void
  readonly channelEnded: () => void
  readonly listener: PieceServerListener
  readonly logger: Logger
}

/** A child that takes less than a chunk in this time holds an upload slot for nothing; milliseconds. */
const STALL_TIMEOUT_MS = 60_000

/** Sent in one turn of the event loop at most; bytes. */
const TURN_BYTES = 2 * CHUNK_BYTES

/** What a request costs that is taken back: the piece was looked up, and its beginning read; milliseconds. */
const CANCEL_COST_MS = 0.5

/** A child closes a lane long before; only one that holds connections for nothing meets this; milliseconds. */
const IDLE_TIMEOUT_MS = 120_000

interface OpenRequest {
  readonly id: number
  readonly taskId: TaskId
  readonly index: number
  /** Bytes. */
  readonly length: number
  readonly flow: RateFlow
  /** Requests of one queue are served one after the other, so that the first is whole first. */
  readonly queue: string
  readonly stop: AbortController
}

/** The parent's side of one channel: pieces in the order of their requests, so that the first is whole first. */
export class ServedChannel implements ChannelReceiver {
  readonly #channel: Channel
  readonly #init: ServedChannelInit
  readonly #tickets: TicketBook
  readonly #gate: FlowGate
  /** By id, in the order of arrival. The first of each queue is being served. */
  readonly #open = new Map<number, OpenRequest>()
  readonly #serving = new Set<string>()
  #isOver = false
  /** The last chunk is queued until this settles. */
  #queued: Promise<void> | undefined
  #cancelIdle = (): void => undefined

  constructor(channel: Channel, init: ServedChannelInit) {
    this.#channel = channel
    this.#init = init
    this.#gate = new FlowGate(channel)
    this.#tickets = new TicketBook({
      supernodes: init.supernodes,
      child: channel.remotePeer,
      parent: init.parent,
      isRevoked: init.isRevoked,
      wallTime: () => init.clock.wallTime(),
    })
    this.#restartIdle()
  }

  close(): Promise<void> {
    return this.#channel.close()
  }

  /** What needs a ticket that was taken back ends. @param peers whose tickets were, among others */
  ticketsRevoked(peers: ReadonlySet<PeerId>): void {
    const revoked = new DamselflyError('TICKET_INVALID', 'the supernode took the ticket back')
    const isLeft = this.#tickets.dropRevoked()
    if (!isLeft && peers.has(this.#channel.remotePeer)) return this.#channel.abort(revoked)
    for (const { taskId, stop } of this.#open.values()) if (!this.#tickets.has(taskId)) stop.abort(revoked)
  }

  message(bytes: Uint8Array): void {
    const { clock } = this.#init
    const begunAt = clock.now()
    try {
      this.#handle(bytes)
    } catch (error) {
      this.#channel.abort(toDamselflyError(error, 'PROTOCOL'))
    }
    this.#took(clock.now() - begunAt)
  }

  data(): void {
    this.#channel.abort(new DamselflyError('PROTOCOL', 'a child sent data to a parent'))
  }

  closed(error: Error | undefined): void {
    if (isDamselflyError(error, 'PROTOCOL') || isDamselflyError(error, 'SECURITY_MISMATCH')) {
      const { remotePeer, remoteAddress } = this.#channel
      this.#init.logger.warn({ child: remotePeer, address: remoteAddress, reason: error.message }, 'piece channel refused')
    }
    this.#isOver = true
    this.#cancelIdle()
    for (const request of this.#open.values()) request.stop.abort(error)
    this.#init.channelEnded()
  }

  #handle(bytes: Uint8Array): void {
    // Here and not where it is accepted: what is demanded can become known, or change, while it is open.
    if (!this.#init.isAllowed()) {
      throw new DamselflyError('SECURITY_MISMATCH', `a ${this.#channel.kind} channel is less than what is demanded`)
    }
    const { body } = decodePieceMessage(bytes)
    switch (body.case) {
      case 'ticket':
        this.#tickets.add(body.value.signedTicket)
        break
      case 'request':
        this.#request(body.value)
        break
      case 'cancel':
        this.#cancel(body.value.requestId)
        break
      default:
        throw new DamselflyError('PROTOCOL', `a child sent '${body.case ?? 'nothing'}' to a parent`)
    }
  }

  /** A child that says too much is not heard for a while; what it has asked for goes on. */
  #took(ms: number): void {
    const wait = this.#init.waitAfter(ms)
    if (wait > 0 && !this.#isOver) this.#gate.holdUntil(pause(this.#init.clock, wait))
  }

  #cancel(requestId: number): void {
    const request = this.#open.get(requestId)
    if (request === undefined || request.stop.signal.aborted) return
    request.stop.abort(new DamselflyError('CANCELLED', 'the child cancelled it'))
    this.#took(CANCEL_COST_MS)
  }

  #request({ requestId, taskId: taskIdBytes, index, length, background }: PieceRequest): void {
    if (taskIdBytes.length !== SHA256_BYTES) throw new DamselflyError('PROTOCOL', 'a task id does not have 32 bytes')
    if (this.#open.has(requestId)) throw new DamselflyError('PROTOCOL', `request ${requestId} is open already`)
    const taskId = taskIdFromBytes(taskIdBytes)
    try {
      this.#tickets.check(taskId)
      if (this.#open.size >= this.#init.maxOpen || !this.#init.tryOpen()) {
        throw new DamselflyError('PIECE_REFUSED', 'too many requests are open')
      }
    } catch (error) {
      this.#refuse(requestId, toDamselflyError(error))
      return
    }
    const { uploadLimiter } = this.#init
    const priority = background ? 'background' : 'foreground'
    const flow = uploadLimiter.flow({ task: taskId, peer: this.#channel.remotePeer, priority })
    // What waits for a limit of its own, or for everybody else, must not hold up the rest.
    const queue = background || uploadLimiter.hasOwnLimit(taskId) ? `${priority} ${taskId}` : ''
    this.#open.set(requestId, { id: requestId, taskId, index, length, flow, queue, stop: new AbortController() })
    void this.#serveOpen(queue)
  }

  /** Never rejects. */
  async #serveOpen(queue: string): Promise<void> {
    if (this.#serving.has(queue)) return
    this.#serving.add(queue)
    this.#cancelIdle()
    for (const request of this.#open.values()) {
      if (request.queue !== queue) continue
      try {
        await this.#serveOne(request)
      } catch (error) {
        this.#refuse(request.id, toDamselflyError(error))
      } finally {
        this.#open.delete(request.id)
        this.#init.requestEnded()
      }
    }
    this.#serving.delete(queue)
    if (this.#serving.size === 0) this.#restartIdle()
  }

  #restartIdle(): void {
    if (!this.#isOver) this.#cancelIdle = this.#init.clock.after(IDLE_TIMEOUT_MS, () => void this.#channel.close())
  }

  async #serveOne(request: OpenRequest): Promise<void> {
    const { taskId, index, length, flow, stop } = request
    stop.signal.throwIfAborted()
    const task = await this.#init.store.open(taskId)
    if (task === undefined) throw new DamselflyError('TASK_NOT_FOUND', 'this parent does not have the task')
    if (!task.has(index)) throw new DamselflyError('PIECE_REFUSED', `this parent does not have piece ${index}`)
    const held = lengthOfPiece(task, index)
    if (held !== length) throw new DamselflyError('PIECE_REFUSED', `piece ${index} has ${held} bytes, not ${length}`)
    const release = task.use()
    try {
      await task.update({ lastUsedAt: this.#init.clock.wallTime() })
      for (let offset = 0, turn = TURN_BYTES; offset < length; ) {
        // A child that takes everything at once must not keep this thread from all others.
        if (turn >= TURN_BYTES) {
          await nextTurn()
          turn = 0
        }
        const chunk = Math.min(flow.unlimited ? CHUNK_BYTES : flow.portion, CHUNK_BYTES, length - offset)
        await this.#sendChunk(task, request, offset, chunk)
        offset += chunk
        turn += chunk
      }
    } finally {
      release()
    }
    this.#init.listener.pieceServed?.({ child: this.#channel.remotePeer, taskId, index, length })
  }

  /** Resolves when the chunk is queued; a channel queues only a little beyond what its reader takes. */
  async #sendChunk(task: StoredTask, request: OpenRequest, offset: number, length: number): Promise<void> {
    const { flow, stop } = request
    const { signal } = stop
    if (!this.#channel.isWritable) await this.#orStalled(this.#channel.writable())
    else if (this.#queued !== undefined && this.#init.isCrowded()) await this.#orStalled(this.#queued)
    if (!flow.unlimited) await flow.take(length, signal)
    const buffer = this.#init.buffers.acquire()
    const release = (): void => this.#init.buffers.release(buffer)
    const chunk = buffer.subarray(0, length)
    try {
      if (!task.readNow(request.index, offset, chunk)) await task.read(request.index, offset, chunk)
      signal.throwIfAborted()
    } catch (error) {
      release()
      throw error
    }
    const queued = this.#channel.sendData(request.id, chunk).catch(() => undefined).then(() => {
      release()
      if (this.#queued === queued) this.#queued = undefined
    })
    this.#queued = queued
    this.#init.listener.bytesSent?.(length)
  }

  /** @throws as `written` does */
  async #orStalled(written: Promise<void>): Promise<void> {
    const cancel = this.#init.clock.after(STALL_TIMEOUT_MS, () => {
      this.#channel.abort(new DamselflyError('CHANNEL_CLOSED', `the child took nothing for ${STALL_TIMEOUT_MS / 1000} s`))
    })
    try {
      await written
    } finally {
      cancel()
    }
  }

  #refuse(id: number, error: DamselflyError): void {
    if (this.#isOver) return
    this.#init.listener.pieceRefused?.(this.#channel.remotePeer, error.code)
    if (error.code === 'INTERNAL' || error.code === 'DISK_FAILED') {
      this.#init.logger.error({ err: error, child: this.#channel.remotePeer }, 'piece not served')
    }
    try {
      this.#channel.sendMessage(encodeRefusal(id, error.code, reasonForOthers(error)))
    } catch (closed) {
      if (!isDamselflyError(closed, 'CHANNEL_CLOSED')) throw closed
      return
    }
    // A child that asks for what it may not have, and does not read the answers, is not heard any more.
    this.#gate.holdUntil(this.#channel.writable())
  }
}

/** While the content's length is unknown, only whole pieces are held. */
function lengthOfPiece(task: StoredTask, index: number): number {
  return task.layout?.piece(index).length ?? task.record.pieceSize
}

/** A defect or a broken disk is told without its details, which may name paths. */
function reasonForOthers(error: DamselflyError): string {
  return error.code === 'INTERNAL' || error.code === 'DISK_FAILED' ? 'the parent could not read it' : error.message
}
