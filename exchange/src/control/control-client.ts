import {
  DamselflyError,
  isDamselflyError,
  messageOf,
  pause,
  taskIdFromBytes,
  taskIdToBytes,
  toDamselflyError,
  type Clock,
  type PeerId,
  type TaskId,
} from '@damselfly/shared'
import type { Logger } from '@damselfly/shared/logging'
import { decode, SupernodeBatchSchema, type MessageInitShape, type HelloSchema, type SupernodeMessage } from '@damselfly/shared/wire'
import { CHANNEL_LIMITS, type Channel } from '../channel/channel.ts'
import { Outbox } from './outbox.ts'
import { reconnectDelay } from './reconnect-delay.ts'
import type { SupernodeDialer } from './supernode-dialer.ts'
import type { HeldTask, Registered, TaskControl, TaskControlListener, TaskRegistration } from './task-control.ts'
import {
  announceToWire,
  assignmentFromWire,
  newsFromWire,
  parentFromWire,
  registeredFromWire,
  registerToWire,
} from './wire-mapping.ts'

/** Until the supernode has said how many assignments a child should have open. */
const DEFAULT_WINDOW = 8

export interface ControlClientOptions {
  readonly dial: SupernodeDialer
  /** How this peer introduces itself; asked anew for each connection. */
  readonly hello: () => MessageInitShape<typeof HelloSchema>
  /** What this peer holds; asked anew for each connection. */
  readonly inventory: () => Promise<readonly HeldTask[]>
  /** Limits that the supernode sets; bytes per second, 0 for none. */
  readonly onRate: (upload: number, download: number) => void
  readonly onEvict: (taskId: TaskId) => void
  readonly clock: Clock
  readonly random: () => number
  readonly logger: Logger
}

export type ControlState =
  | { readonly type: 'connected'; readonly supernode: PeerId; readonly address: string }
  | { readonly type: 'disconnected'; readonly error: DamselflyError | undefined }

interface PendingRegistration {
  readonly resolve: (registered: Registered) => void
  readonly reject: (error: unknown) => void
}

interface Connection {
  readonly channel: Channel
  readonly outbox: Outbox
  /** By request id. */
  readonly registrations: Map<number, PendingRegistration>
}

/** A peer's line to its supernode: connects, comes back after losses, and carries every task's messages. */
export class ControlClient {
  readonly #options: ControlClientOptions
  readonly #stopping = new AbortController()
  readonly #listeners = new Map<TaskId, TaskControlListener>()
  readonly #stateWaiters = new Set<() => void>()
  #connection: Connection | undefined
  #lastError: DamselflyError | undefined
  #window = DEFAULT_WINDOW
  #nextRequest = 1
  #running: Promise<void> | undefined
  #attempts = 0

  constructor(options: ControlClientOptions) {
    this.#options = options
  }

  /** Returns at once; the channel is opened, and opened again, in the background. */
  start(): void {
    this.#running ??= this.#run()
  }

  /** Closes the channel. Idempotent. */
  async stop(): Promise<void> {
    this.#stopping.abort(new DamselflyError('CANCELLED', 'the peer stops'))
    await this.#connection?.channel.close()
    await this.#running
  }

  get state(): ControlState {
    const channel = this.#connection?.channel
    if (channel === undefined) return { type: 'disconnected', error: this.#lastError }
    return { type: 'connected', supernode: channel.remotePeer, address: channel.remoteAddress }
  }

  /**
   * Resolves when a channel is there, or when the first attempt since the last loss has failed;
   * `state` tells which.
   *
   * @throws the signal's reason
   */
  async settled(signal: AbortSignal): Promise<void> {
    while (this.#connection === undefined && this.#attempts === 0) {
      signal.throwIfAborted()
      await new Promise<void>((resolve) => {
        const done = (): void => {
          this.#stateWaiters.delete(done)
          signal.removeEventListener('abort', done)
          resolve()
        }
        this.#stateWaiters.add(done)
        signal.addEventListener('abort', done, { once: true })
      })
    }
  }

  /** Routes what the supernode says about a task to `listener`, until `leave`. */
  task(taskId: TaskId, listener: TaskControlListener): TaskControl {
    const id = taskIdToBytes(taskId)
    this.#listeners.set(taskId, listener)
    const push: Outbox['push'] = (body) => this.#connection?.outbox.push(body)
    return {
      window: () => this.#window,
      register: (registration, signal) => this.#register(registration, signal),
      want: (count) => push({ case: 'want', value: { taskId: id, count } }),
      pieceDone: (index, parent, bytes, durationMs) =>
        push({
          case: 'pieceDone',
          value: { taskId: id, index, parent, bytes, durationUs: Math.min(0xff_ff_ff_ff, Math.round(durationMs * 1000)) },
        }),
      pieceFailed: (index, parent, error) =>
        push({ case: 'pieceFailed', value: { taskId: id, index, parent, reason: error.code, message: error.message } }),
      pieceStored: (index, digest) => push({ case: 'pieceStored', value: { taskId: id, index, digest } }),
      leave: () => {
        if (this.#listeners.get(taskId) === listener) this.#listeners.delete(taskId)
        push({ case: 'leaveTask', value: { taskId: id } })
      },
    }
  }

  /** Tells the supernode that this peer no longer holds the task. */
  dropTask(taskId: TaskId): void {
    this.#connection?.outbox.push({ case: 'dropTask', value: { taskId: taskIdToBytes(taskId) } })
  }

  async #register(registration: TaskRegistration, signal: AbortSignal): Promise<Registered> {
    const connection = this.#connection
    if (connection === undefined) {
      throw new DamselflyError('SUPERNODE_UNREACHABLE', this.#lastError?.message ?? 'there is no channel to the supernode')
    }
    const requestId = this.#nextRequest++
    const { promise, resolve, reject } = Promise.withResolvers<Registered>()
    const aborted = (): void => reject(signal.reason)
    signal.addEventListener('abort', aborted, { once: true })
    connection.registrations.set(requestId, { resolve, reject })
    connection.outbox.push({ case: 'register', value: registerToWire(requestId, registration) })
    try {
      return await promise
    } finally {
      signal.removeEventListener('abort', aborted)
      connection.registrations.delete(requestId)
    }
  }

  async #run(): Promise<void> {
    const { signal } = this.#stopping
    while (!signal.aborted) {
      try {
        const channel = await this.#options.dial(signal)
        await this.#serve(channel)
      } catch (error) {
        if (signal.aborted) break
        this.#noteFailure(error)
      }
      this.#wakeWaiters()
      await pause(this.#options.clock, reconnectDelay(this.#attempts++, this.#options.random()), signal)
    }
  }

  /** Speaks on one channel until it ends. */
  async #serve(channel: Channel): Promise<void> {
    const ended = Promise.withResolvers<Error | undefined>()
    const connection: Connection = { channel, outbox: new Outbox(channel), registrations: new Map() }
    channel.receive({
      message: (bytes) => this.#receive(connection, bytes),
      data: () => channel.abort(new DamselflyError('PROTOCOL', 'DATA frames have no place on a control channel')),
      closed: (error) => ended.resolve(error),
    })
    connection.outbox.push({ case: 'hello', value: this.#options.hello() })
    await this.#announce(connection)
    this.#connection = connection
    this.#attempts = 0
    this.#lastError = undefined
    this.#options.logger.info({ supernode: channel.remotePeer, address: channel.remoteAddress }, 'connected to supernode')
    this.#wakeWaiters()
    for (const listener of this.#listeners.values()) listener.restored()
    const error = await ended.promise
    this.#disconnected(connection, error)
  }

  async #announce(connection: Connection): Promise<void> {
    for (const task of await this.#options.inventory()) {
      connection.outbox.pushAlone({ case: 'announce', value: announceToWire(task) })
      await connection.channel.writable()
    }
  }

  #disconnected(connection: Connection, error: Error | undefined): void {
    this.#connection = undefined
    const lost = new DamselflyError('SUPERNODE_UNREACHABLE', `the supernode went away: ${messageOf(error ?? 'it closed')}`)
    this.#lastError = lost
    if (!this.#stopping.signal.aborted) this.#options.logger.warn({ error: lost.message }, 'lost the supernode')
    for (const { reject } of connection.registrations.values()) reject(lost)
    for (const listener of this.#listeners.values()) listener.lost()
  }

  #noteFailure(error: unknown): void {
    const failure = toDamselflyError(error, 'SUPERNODE_UNREACHABLE')
    // The same failure again and again is one line, not one per attempt.
    if (failure.message !== this.#lastError?.message) {
      this.#options.logger.warn({ code: failure.code, error: failure.message }, 'no supernode')
    }
    this.#lastError = failure
  }

  #receive(connection: Connection, bytes: Uint8Array): void {
    try {
      const limit = CHANNEL_LIMITS['/damselfly/control/1'].maxMessageBytes
      for (const message of decode(SupernodeBatchSchema, bytes, limit).messages) this.#dispatch(connection, message)
    } catch (error) {
      connection.channel.abort(isDamselflyError(error) ? error : new DamselflyError('PROTOCOL', messageOf(error), { cause: error }))
    }
  }

  #dispatch(connection: Connection, { body }: SupernodeMessage): void {
    switch (body.case) {
      case 'welcome':
        if (body.value.window > 0) this.#window = body.value.window
        return
      case 'registered':
        return this.#settleRegistration(connection, body.value.requestId, () => registeredFromWire(body.value))
      case 'taskUpdate':
        return this.#listener(body.value.taskId)?.news(newsFromWire(body.value))
      case 'parent':
        return this.#listener(body.value.taskId)?.parent(parentFromWire(body.value))
      case 'assign':
        return this.#listener(body.value.taskId)?.assigned(assignmentFromWire(body.value))
      case 'cancelPiece':
        return this.#listener(body.value.taskId)?.cancelled(body.value.index, body.value.parent as PeerId)
      case 'backToSource':
        return this.#listener(body.value.taskId)?.backToSource(body.value.reason)
      case 'setRate':
        return this.#options.onRate(Number(body.value.upload), Number(body.value.download))
      case 'evict':
        return this.#options.onEvict(taskIdFromBytes(body.value.taskId))
      case 'goodbye':
        this.#options.logger.info({ reason: body.value.reason }, 'the supernode ends the channel')
        return
      case undefined:
        // A message of a newer version.
        return
    }
  }

  #settleRegistration(connection: Connection, requestId: number, read: () => Registered): void {
    const pending = connection.registrations.get(requestId)
    if (pending === undefined) return
    try {
      pending.resolve(read())
    } catch (error) {
      pending.reject(error)
    }
  }

  #listener(taskId: Uint8Array): TaskControlListener | undefined {
    return taskId.length === 32 ? this.#listeners.get(taskIdFromBytes(taskId)) : undefined
  }

  #wakeWaiters(): void {
    for (const wake of this.#stateWaiters) wake()
  }
}
