import pLimit, { type LimitFunction } from 'p-limit'
import { DamselflyError, errorFromWire, isDamselflyError, messageOf, type Clock, type PeerId } from '@damselfly/shared'
import { decode, SupernodeBatchSchema, type SupernodeMessage } from '@damselfly/shared/wire'
import { CHANNEL_LIMITS, type Channel } from '../channel/channel.ts'
import { Heartbeat, PEER_PACE } from './heartbeat.ts'
import { Outbox, type OutgoingMessage } from './outbox.ts'
import type { Registered, TaskRegistration } from './task-control.ts'
import { registeredFromWire, registerToWire } from './wire-mapping.ts'

/** What the supernode says, except for what concerns the channel alone. */
export type SupernodeNews = Exclude<SupernodeMessage['body'], { case: undefined | 'ping' | 'pong' }>

/** Registrations that wait for an answer at once; the supernode refuses more than twice as many. */
const MOST_REGISTRATIONS = 128

interface PendingRegistration {
  readonly resolve: (registered: Registered) => void
  readonly reject: (error: unknown) => void
}

/** One control channel from its opening to its end. */
export class ControlConnection {
  /** Resolves, with the error if there was one, when the channel is over and no registration waits any more. */
  readonly ended: Promise<Error | undefined>
  readonly #channel: Channel
  readonly #outbox: Outbox
  readonly #heartbeat: Heartbeat
  readonly #take: (news: SupernodeNews) => void
  readonly #registrations = new Map<number, PendingRegistration>()
  readonly #limit: LimitFunction = pLimit(MOST_REGISTRATIONS)
  #nextRequest = 1
  /** Why it is over. */
  #lost: DamselflyError | undefined
  /** Why the supernode ends it, if it said so. */
  #refusal: DamselflyError | undefined

  /** @param take is given everything that no registration waits for; if it throws, the channel ends */
  constructor(channel: Channel, clock: Clock, take: (news: SupernodeNews) => void) {
    this.#channel = channel
    this.#outbox = new Outbox(channel)
    this.#take = take
    this.#heartbeat = new Heartbeat({
      ...PEER_PACE,
      clock,
      ask: () => this.#outbox.push({ case: 'ping', value: {} }),
      dead: (silentMs) => this.abort(new DamselflyError('CHANNEL_CLOSED', `it has said nothing for ${silentMs / 1000} s`)),
    })
    this.ended = new Promise((resolve) => {
      channel.receive({
        message: (bytes) => this.#receive(bytes),
        data: () => this.abort(new DamselflyError('PROTOCOL', 'DATA frames have no place on a control channel')),
        closed: (error) => {
          this.#closed(error)
          resolve(error)
        },
      })
    })
  }

  get supernode(): PeerId {
    return this.#channel.remotePeer
  }

  get address(): string {
    return this.#channel.remoteAddress
  }

  get isOver(): boolean {
    return this.#lost !== undefined
  }

  /** Set when the supernode does not want this peer, however often it comes back. */
  get refusal(): DamselflyError | undefined {
    return isDamselflyError(this.#refusal, 'PEER_NOT_ADMITTED') ? this.#refusal : undefined
  }

  send(message: OutgoingMessage): void {
    this.#heartbeat.said()
    this.#outbox.push(message)
  }

  /**
   * Sends one that may be large, and waits until the supernode keeps up.
   *
   * @throws DamselflyError CHANNEL_CLOSED
   * @throws RangeError when it is larger than a frame may be
   */
  async sendLarge(message: OutgoingMessage): Promise<void> {
    this.#heartbeat.said()
    this.#outbox.pushAlone(message)
    await this.#channel.writable()
  }

  /** When very many are asked for at once, some wait for the answers to others. @throws as TaskControl.register */
  async register(registration: TaskRegistration, signal: AbortSignal): Promise<Registered> {
    signal.throwIfAborted()
    const { promise, resolve, reject } = Promise.withResolvers<Registered>()
    const aborted = (): void => reject(signal.reason)
    signal.addEventListener('abort', aborted, { once: true })
    const settled = promise.finally(() => signal.removeEventListener('abort', aborted))
    // Whoever waits for its turn hears at once that the caller gave up; its turn then passes by unused.
    void this.#limit(() => (signal.aborted ? undefined : this.#ask(registration, { resolve, reject }, settled)))
    return settled
  }

  /** Resolves when the registration is settled, by whatever; never rejects. */
  async #ask(registration: TaskRegistration, pending: PendingRegistration, settled: Promise<Registered>): Promise<void> {
    if (this.#lost !== undefined) return pending.reject(this.#lost)
    const requestId = this.#nextRequest++
    this.#registrations.set(requestId, pending)
    this.send({ case: 'register', value: registerToWire(requestId, registration) })
    await settled.catch(() => undefined)
    this.#registrations.delete(requestId)
  }

  /** Sends what waits, then ends. Idempotent. */
  async close(): Promise<void> {
    this.#outbox.flush()
    await this.#channel.close()
  }

  /** Ends at once. Idempotent. */
  abort(error: Error): void {
    this.#channel.abort(error)
  }

  #receive(bytes: Uint8Array): void {
    this.#heartbeat.heard()
    try {
      const limit = CHANNEL_LIMITS['/damselfly/control/1'].maxMessageBytes
      for (const { body } of decode(SupernodeBatchSchema, bytes, limit).messages) this.#dispatch(body)
    } catch (error) {
      this.abort(isDamselflyError(error) ? error : new DamselflyError('PROTOCOL', messageOf(error), { cause: error }))
    }
  }

  #dispatch(body: SupernodeMessage['body']): void {
    switch (body.case) {
      case undefined:
        // A message of a newer version.
        return
      case 'ping':
        return this.#outbox.push({ case: 'pong', value: {} })
      case 'pong':
        return
      case 'registered': {
        const pending = this.#registrations.get(body.value.requestId)
        return pending === undefined ? this.#take(body) : settle(pending, () => registeredFromWire(body.value))
      }
      case 'goodbye':
        if (body.value.errorCode !== '') this.#refusal = errorFromWire(body.value.errorCode, body.value.reason)
        return this.#take(body)
      default:
        return this.#take(body)
    }
  }

  #closed(error: Error | undefined): void {
    this.#heartbeat.end()
    const lost = this.refusal ?? new DamselflyError('SUPERNODE_UNREACHABLE', lossMessage(error))
    this.#lost = lost
    for (const { reject } of this.#registrations.values()) reject(lost)
  }
}

/** What a person is told of the end of a control channel. */
export function lossMessage(error: Error | undefined): string {
  return `the supernode went away: ${error === undefined ? 'it closed the channel' : messageOf(error)}`
}

function settle(pending: PendingRegistration, read: () => Registered): void {
  try {
    pending.resolve(read())
  } catch (error) {
    pending.reject(error)
  }
}
