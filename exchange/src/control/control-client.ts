import {
  ORIGIN_PEER,
  DamselflyError,
  isDamselflyError,
  pause,
  taskIdFromBytes,
  taskIdToBytes,
  toDamselflyError,
  type Clock,
  type PeerId,
  type Priority,
  type TaskId,
} from '@damselfly/shared'
import type { Logger } from '@damselfly/shared/logging'
import type { MessageInitShape, HelloSchema } from '@damselfly/shared/wire'
import type { Channel } from '../channel/channel.ts'
import { ControlConnection, lossMessage, type SupernodeNews } from './control-connection.ts'
import type { OutgoingMessage } from './outbox.ts'
import { preheatFromWire, preheatReportToWire, type PreheatListener, type PreheatReport } from './preheat.ts'
import { reconnectDelay, refusedDelay } from './reconnect-delay.ts'
import { readDemands, type ChannelDemands } from '../lane/security-in-force.ts'
import type { SupernodeDialer } from './supernode-dialer.ts'
import type { HeldTask, Registered, TaskControl, TaskControlListener, TaskRegistration } from './task-control.ts'
import type { TicketRevocation } from '../identity/revoked-tickets.ts'
import { announceToWire, assignmentFromWire, newsFromWire, parentFromWire, ratesFromWire, revocationsFromWire } from './wire-mapping.ts'

/** Until the supernode has said how many assignments a child should have open. */
const DEFAULT_WINDOW = 8

/** More open assignments than this would only hold memory, whatever the supernode wishes. */
const LARGEST_WINDOW = 1024

/** A channel that lasted this long was a good one: the next loss is no sequel of the last; milliseconds. */
const STEADY = 10_000

/** The longest reason of the supernode's that is worth a log line; characters. */
const MAX_REASON = 200

/** What this peer can tell the supernode of what it holds. */
export interface Inventory {
  taskIds(): readonly TaskId[]
  /** Undefined for a task that cannot be offered to others. Never rejects. */
  held(taskId: TaskId): Promise<HeldTask | undefined>
}

export interface ControlClientOptions {
  readonly dial: SupernodeDialer
  /**
   * How this peer introduces itself; asked anew for each connection. What it throws ends the channel.
   *
   * @param supernode who is at the other end, proved
   */
  readonly hello: (supernode: PeerId) => MessageInitShape<typeof HelloSchema> | Promise<MessageInitShape<typeof HelloSchema>>
  /** Announced anew on each connection. */
  readonly inventory: Inventory
  /** Limits that the supernode sets; bytes per second, 0 for none. A new connection starts without. */
  readonly onRate: (rates: { readonly upload: number; readonly download: number; readonly origin: number }) => void
  readonly onEvict: (taskId: TaskId) => void
  /** What the network demands of channels, told each time a channel opens. What it throws ends the channel. */
  readonly onDemands?: (demands: ChannelDemands, supernode: PeerId) => void
  /** Tickets that count no more. What it throws ends the channel. */
  readonly onRevoked?: (revocations: readonly TicketRevocation[]) => void
  /** Undefined: nothing is downloaded for the supernode. */
  readonly preheats?: PreheatListener | undefined
  readonly clock: Clock
  readonly random: () => number
  readonly logger: Logger
}

export type ControlState =
  | { readonly type: 'connected'; readonly supernode: PeerId; readonly address: string }
  | { readonly type: 'disconnected'; readonly error: DamselflyError | undefined }

/** A peer's line to its supernode: connects, comes back after losses, and carries every task's messages. */
export class ControlClient {
  readonly #options: ControlClientOptions
  readonly #stopping = new AbortController()
  readonly #listeners = new Map<TaskId, TaskControlListener>()
  /** Resolves when the first attempt since the last loss has succeeded or failed. */
  #attempted = Promise.withResolvers<void>()
  /** The channel that there is. */
  #open: ControlConnection | undefined
  /** The same, once the supernode knows what the running downloads hold. */
  #ready: ControlConnection | undefined
  #lastError: DamselflyError | undefined
  #window = DEFAULT_WINDOW
  #running: Promise<void> | undefined
  #welcomed = Promise.withResolvers<void>()

  constructor(options: ControlClientOptions) {
    this.#options = options
  }

  /** Returns at once; the channel is opened, and opened again, in the background. */
  start(): void {
    this.#running ??= this.#run()
  }

  /** Closes the channel for good. Idempotent. */
  async stop(): Promise<void> {
    this.#stopping.abort(new DamselflyError('CANCELLED', 'the peer stops'))
    await this.#open?.close()
    await this.#running
  }

  get state(): ControlState {
    if (this.#ready === undefined) return { type: 'disconnected', error: this.#lastError }
    return { type: 'connected', supernode: this.#ready.supernode, address: this.#ready.address }
  }

  /**
   * Resolves when a channel is there, or when the first attempt since the last loss has failed;
   * `state` tells which. Resolves also when aborted.
   */
  async settled(signal: AbortSignal): Promise<void> {
    if (signal.aborted) return
    const aborted = Promise.withResolvers<void>()
    const resolve = (): void => aborted.resolve()
    signal.addEventListener('abort', resolve, { once: true })
    await Promise.race([this.#attempted.promise, aborted.promise])
    signal.removeEventListener('abort', resolve)
  }

  /** Routes what the supernode says about a task to `listener`, until `leave`. */
  task(taskId: TaskId, listener: TaskControlListener): TaskControl {
    const id = taskIdToBytes(taskId)
    this.#listeners.set(taskId, listener)
    const send = (message: OutgoingMessage): void => this.#ready?.send(message)
    return {
      window: () => this.#window,
      register: (registration, signal) => this.#register(registration, signal),
      want: (count, priority, from) =>
        send({ case: 'want', value: { taskId: id, count, background: priority === 'background', ...(from === undefined ? {} : { from }) } }),
      pieceDone: (index, parent, bytes, durationMs) =>
        send({
          case: 'pieceDone',
          value: { taskId: id, index, parent, bytes, durationUs: Math.min(0xff_ff_ff_ff, Math.round(durationMs * 1000)) },
        }),
      pieceFailed: (index, parent, error) =>
        send({ case: 'pieceFailed', value: { taskId: id, index, parent, reason: error.code, message: error.message } }),
      pieceStored: (index, digest) => send({ case: 'pieceStored', value: { taskId: id, index, digest } }),
      leave: () => {
        // A later download of the same task has taken over and must not be signed off.
        if (this.#listeners.get(taskId) !== listener) return
        this.#listeners.delete(taskId)
        send({ case: 'leaveTask', value: { taskId: id } })
      },
    }
  }

  /** Tells the supernode that the running download of a task, if there is one, has become more or less urgent. */
  setPriority(taskId: TaskId, priority: Priority): void {
    if (!this.#listeners.has(taskId)) return
    this.#ready?.send({ case: 'want', value: { taskId: taskIdToBytes(taskId), count: 0, background: priority === 'background' } })
  }

  /** Tells the supernode that this peer no longer holds the task. */
  dropTask(taskId: TaskId): void {
    this.#open?.send({ case: 'dropTask', value: { taskId: taskIdToBytes(taskId) } })
  }

  /** Tells the supernode how a preheat goes on that it asked for. */
  reportPreheat(report: PreheatReport): void {
    this.#open?.send({ case: 'preheatReport', value: preheatReportToWire(report) })
  }

  async #register(registration: TaskRegistration, signal: AbortSignal): Promise<Registered> {
    if (this.#ready !== undefined) return this.#ready.register(registration, signal)
    throw new DamselflyError('SUPERNODE_UNREACHABLE', this.#lastError?.message ?? 'there is no channel to the supernode')
  }

  async #run(): Promise<void> {
    const { dial, clock, random } = this.#options
    const { signal } = this.#stopping
    for (let attempt = 0; !signal.aborted; attempt++) {
      try {
        const channel = await dial(signal)
        const since = clock.now()
        await this.#serve(channel)
        if (clock.now() - since >= STEADY) attempt = 0
      } catch (error) {
        this.#noteFailure(error)
        this.#attempted.resolve()
      }
      await pause(clock, this.#isRefused ? refusedDelay(random()) : reconnectDelay(attempt, random()), signal)
    }
    this.#attempted.resolve()
  }

  /** Speaks on one channel until it ends. */
  async #serve(channel: Channel): Promise<void> {
    const { clock, hello, onRate, inventory } = this.#options
    onRate({ upload: 0, download: 0, origin: 0 })
    const connection = new ControlConnection(channel, clock, (news) => this.#take(news, channel.remotePeer))
    this.#open = connection
    try {
      this.#stopping.signal.throwIfAborted()
      this.#welcomed = Promise.withResolvers()
      connection.send({ case: 'hello', value: await hello(connection.supernode) })
      // Otherwise what waits for a supernode would take each refusal for its return.
      if (this.#isRefused) await Promise.race([this.#welcomed.promise, connection.ended])
      // A supernode that does not know what a child holds would fetch it anew when the child registers.
      const first = [...this.#listeners.keys()]
      await this.#announce(connection, first)
      this.#connected(connection)
      await this.#announce(connection, inventory.taskIds().filter((taskId) => !first.includes(taskId)))
    } catch (error) {
      connection.abort(toDamselflyError(error))
      if (!isDamselflyError(error, 'CHANNEL_CLOSED')) throw error
    } finally {
      const error = await connection.ended
      this.#disconnected(connection, error)
    }
  }

  /** @throws DamselflyError CHANNEL_CLOSED */
  async #announce(connection: ControlConnection, taskIds: readonly TaskId[]): Promise<void> {
    const { inventory, logger } = this.#options
    for (const taskId of taskIds) {
      const held = await inventory.held(taskId)
      if (held === undefined) continue
      try {
        await connection.sendLarge({ case: 'announce', value: announceToWire(held) })
      } catch (error) {
        if (!(error instanceof RangeError)) throw error
        logger.warn({ task: taskId, error: error.message }, 'a task has too many pieces to be announced')
      }
    }
  }

  get #isRefused(): boolean {
    return isDamselflyError(this.#lastError, 'PEER_NOT_ADMITTED')
  }

  #connected(connection: ControlConnection): void {
    const { supernode, address } = connection
    if (connection.isOver) return
    this.#ready = connection
    this.#lastError = undefined
    this.#options.logger.info({ supernode, address }, 'connected to supernode')
    this.#attempted.resolve()
    for (const listener of this.#listeners.values()) listener.restored()
  }

  #disconnected(connection: ControlConnection, error: Error | undefined): void {
    this.#open = undefined
    this.#options.preheats?.lost()
    const { refusal } = connection
    const lost = refusal ?? new DamselflyError('SUPERNODE_UNREACHABLE', lossMessage(error))
    if (refusal !== undefined) this.#noteFailure(refusal)
    this.#lastError = lost
    if (this.#ready !== connection) return this.#attempted.resolve()
    this.#ready = undefined
    // What was refused once is refused again: nobody waits for the next attempt.
    if (refusal === undefined) this.#attempted = Promise.withResolvers()
    if (refusal === undefined && !this.#stopping.signal.aborted) {
      this.#options.logger.warn({ supernode: connection.supernode, error: lost.message }, 'lost the supernode')
    }
    for (const listener of this.#listeners.values()) listener.lost(lost)
  }

  #noteFailure(error: unknown): void {
    if (this.#stopping.signal.aborted) return
    const failure = toDamselflyError(error, 'SUPERNODE_UNREACHABLE')
    // The same failure again and again is one line, not one per attempt.
    if (failure.message !== this.#lastError?.message) {
      this.#options.logger.warn({ code: failure.code, error: failure.message }, 'no supernode')
    }
    this.#lastError = failure
  }

  #take(news: SupernodeNews, supernode: PeerId): void {
    const { onRate, onEvict, onDemands, onRevoked, preheats, logger } = this.#options
    switch (news.case) {
      case 'welcome':
        onDemands?.(readDemands(news.value.security, news.value.ciphers), supernode)
        this.#welcomed.resolve()
        if (news.value.window > 0) this.#window = Math.min(LARGEST_WINDOW, news.value.window)
        return
      case 'registered':
        return this.#declineUnwanted(news.value.taskId)
      case 'taskUpdate':
        return this.#listener(news.value.taskId)?.news(newsFromWire(news.value))
      case 'parent':
        return this.#listener(news.value.taskId)?.parent(parentFromWire(news.value))
      case 'assign':
        if (news.value.parent === ORIGIN_PEER) return this.#listener(news.value.taskId)?.sentToOrigin?.(news.value.index)
        return this.#listener(news.value.taskId)?.assigned(assignmentFromWire(news.value))
      case 'cancelPiece':
        return this.#listener(news.value.taskId)?.cancelled(news.value.index, news.value.parent as PeerId)
      case 'backToSource':
        return this.#listener(news.value.taskId)?.backToSource(news.value.reason)
      case 'setRate':
        return onRate(ratesFromWire(news.value))
      case 'evict':
        return onEvict(taskIdFromBytes(news.value.taskId))
      case 'revokeTickets':
        return onRevoked?.(revocationsFromWire(news.value))
      case 'preheat':
        return preheats?.asked(preheatFromWire(news.value))
      case 'cancelPreheat':
        return preheats?.cancelled(news.value.preheatId)
      case 'goodbye':
        logger.info({ reason: news.value.reason.slice(0, MAX_REASON) }, 'the supernode ends the channel')
        return
    }
  }

  /** An answer that nobody waits for any more: the supernode must not keep a child that wants nothing. */
  #declineUnwanted(taskId: Uint8Array): void {
    if (taskId.length === 32 && this.#listener(taskId) === undefined) this.#open?.send({ case: 'leaveTask', value: { taskId } })
  }

  #listener(taskId: Uint8Array): TaskControlListener | undefined {
    return this.#listeners.get(taskIdFromBytes(taskId))
  }
}
