import { DamselflyError, toDamselflyError, type Clock, type PeerId } from '@damselfly/shared'
import { create, decode, encode, PeerBatchSchema, SupernodeBatchSchema, type Hello, type PeerMessage } from '@damselfly/shared/wire'
import { CHANNEL_LIMITS, Heartbeat, SUPERNODE_PACE, type Channel, type ChannelReceiver } from '@damselfly/exchange'
import { MAX_BATCH_MESSAGES, type ControlLimits } from './limits.ts'
import { Outbox, type SupernodeNews } from './outbox.ts'

/** How long an orderly end may take; milliseconds. */
const CLOSE_TIMEOUT_MS = 5000

/** Most of what thousands of idle peers say and hear. Known by its bytes it is neither decoded nor encoded again. */
const PING = Buffer.from(encode(PeerBatchSchema, create(PeerBatchSchema, { messages: [{ body: { case: 'ping', value: {} } }] })))
const PONG = encode(SupernodeBatchSchema, create(SupernodeBatchSchema, { messages: [{ body: { case: 'pong', value: {} } }] }))

/** What one peer says at once may keep the others waiting for so long; milliseconds. */
const SLICE_MS = 5

/** The most that one slice counts: when the process was stopped meanwhile that was not the peer's doing. Milliseconds. */
const MOST_OF_SLICE_MS = 250

/** Milliseconds. */
const PING_COST_MS = 0.01

/** What it took to decrypt, gather and copy a batch before anybody measures, and takes to clear it away later; milliseconds for each byte. */
const COST_OF_BYTE_MS = 4 / 2 ** 20

/** Batches up to this size cost nothing worth counting beside what is measured; bytes. */
const SMALL_BATCH = 64 * 1024

const NOTHING: PeerMessage['body'] = { case: undefined }

/** What a peer says after its Hello. */
export type PeerRequest = Exclude<PeerMessage['body'], { case: undefined | 'hello' | 'ping' | 'pong' }>

/** Who is told what happens on a control channel. A DamselflyError thrown by the first two ends the channel. */
export interface SessionListener {
  hello(session: Session, hello: Hello): void
  request(session: Session, request: PeerRequest): void
  /** Messages of this channel took so long. @returns how long it is not to be heard; milliseconds, both */
  took(session: Session, ms: number): number
  /** Once, and last. `error` is undefined after an orderly end by either side. */
  ended(session: Session, error: DamselflyError | undefined): void
}

/** One peer's control channel: decodes and orders what comes, batches what goes. */
export class Session implements ChannelReceiver {
  readonly peer: PeerId
  readonly remoteAddress: string
  readonly #channel: Channel
  readonly #listener: SessionListener
  readonly #clock: Clock
  readonly #outbox: Outbox
  readonly #cancelHelloTimer: () => void
  #isHeld = false
  #cancelHold = (): void => undefined
  #heartbeat: Heartbeat | undefined
  #state: 'greeting' | 'open' | 'ended' = 'greeting'

  constructor(channel: Channel, listener: SessionListener, limits: ControlLimits, clock: Clock) {
    this.peer = channel.remotePeer
    this.remoteAddress = channel.remoteAddress
    this.#channel = channel
    this.#listener = listener
    this.#clock = clock
    this.#outbox = new Outbox(channel, limits.maxQueuedBytes, () =>
      this.abort(new DamselflyError('CHANNEL_CLOSED', `the peer does not read: more than ${limits.maxQueuedBytes} bytes wait`)),
    )
    this.#cancelHelloTimer = clock.after(limits.helloTimeoutMs, () =>
      this.#fail(new DamselflyError('PROTOCOL', 'the peer did not say Hello in time')),
    )
  }

  /** Starts to read. */
  start(): void {
    this.#channel.receive(this)
  }

  get isOpen(): boolean {
    return this.#state === 'open'
  }

  send(news: SupernodeNews): void {
    this.#heartbeat?.said()
    this.#outbox.push(news)
  }

  /** Says Goodbye and ends the channel in good order. Idempotent. */
  async end(reason: string): Promise<void> {
    if (this.#state === 'ended') return
    this.#sayGoodbye(reason)
    this.#ended(undefined)
    await this.#close()
  }

  /** Says Goodbye with the reason, and ends. Idempotent. */
  dismiss(error: DamselflyError): void {
    this.#fail(error)
  }

  /** Ends at once. Idempotent. */
  abort(error: DamselflyError): void {
    this.#ended(error)
    this.#channel.abort(error)
  }

  message(bytes: Uint8Array): void {
    if (this.#state === 'ended') return
    this.#heartbeat?.heard()
    if (this.#state === 'open' && PING.equals(bytes)) {
      this.#pong()
      return this.#holdBack([], 0, PING_COST_MS)
    }
    const begunAt = this.#clock.now()
    try {
      const batch = decode(PeerBatchSchema, bytes, CHANNEL_LIMITS['/damselfly/control/1'].maxMessageBytes)
      if (batch.messages.length > MAX_BATCH_MESSAGES) {
        throw new DamselflyError('PROTOCOL', `a batch of ${batch.messages.length} messages exceeds ${MAX_BATCH_MESSAGES}`)
      }
      this.#work(batch.messages, 0, begunAt, Math.max(0, bytes.length - SMALL_BATCH) * COST_OF_BYTE_MS)
    } catch (error) {
      this.#fail(toDamselflyError(error))
    }
  }

  /** Handles a batch from `from` on, a slice at a time; the channel is paused until all of it is done. @throws DamselflyError */
  #work(messages: readonly PeerMessage[], from: number, begunAt: number, spentMs = 0): void {
    let at = from
    let tookMs = 0
    while (at < messages.length && tookMs < SLICE_MS) {
      this.#dispatch(messages[at++]?.body ?? NOTHING)
      tookMs = this.#clock.now() - begunAt
    }
    this.#holdBack(messages, at, Math.min(tookMs, MOST_OF_SLICE_MS) + spentMs)
  }

  /** A peer that says too much is not heard for a while, so that others are. */
  #holdBack(messages: readonly PeerMessage[], next: number, tookMs: number): void {
    const wait = this.#listener.took(this, tookMs)
    if (this.#state === 'ended') return
    if (wait === 0 && next >= messages.length) return this.#listenAgain()
    if (!this.#isHeld) this.#channel.pause()
    this.#isHeld = true
    this.#cancelHold = this.#clock.after(wait, () => this.#goOn(messages, next))
  }

  #goOn(messages: readonly PeerMessage[], next: number): void {
    // Its silence was this side's doing.
    this.#heartbeat?.heard()
    if (next >= messages.length) return this.#listenAgain()
    try {
      this.#work(messages, next, this.#clock.now())
    } catch (error) {
      this.#fail(toDamselflyError(error))
    }
  }

  #listenAgain(): void {
    if (!this.#isHeld) return
    this.#isHeld = false
    this.#channel.resume()
  }

  data(): void {
    this.#fail(new DamselflyError('PROTOCOL', 'DATA frames have no place on a control channel'))
  }

  closed(error: Error | undefined): void {
    this.#ended(error === undefined ? undefined : toDamselflyError(error, 'CHANNEL_CLOSED'))
  }

  #dispatch(body: PeerMessage['body']): void {
    // A replaced or failed session hears the rest of its batch no more; a newer version's message has no case.
    if (this.#state === 'ended' || body.case === undefined) return
    if (body.case === 'hello') {
      if (this.#state !== 'greeting') throw new DamselflyError('PROTOCOL', 'a second Hello')
      this.#state = 'open'
      this.#cancelHelloTimer()
      this.#heartbeat = this.#watch()
      this.#listener.hello(this, body.value)
      return
    }
    if (this.#state === 'greeting') throw new DamselflyError('PROTOCOL', `'${body.case}' before Hello`)
    if (body.case === 'ping') this.#pong()
    else if (body.case !== 'pong') this.#listener.request(this, body)
  }

  #pong(): void {
    this.#outbox.pushEncoded(PONG, { case: 'pong', value: {} })
  }

  /** A peer whose host froze or lost its network breaks no connection, but must not count as a parent for long. */
  #watch(): Heartbeat {
    return new Heartbeat({
      ...SUPERNODE_PACE,
      clock: this.#clock,
      ask: () => this.#outbox.push({ case: 'ping', value: {} }),
      dead: (silentMs) => this.abort(new DamselflyError('CHANNEL_CLOSED', `the peer has said nothing for ${silentMs / 1000} s`)),
    })
  }

  #fail(error: DamselflyError): void {
    if (this.#state === 'ended') return
    this.#sayGoodbye(error.message, error.code)
    this.#ended(error)
    void this.#close()
  }

  #sayGoodbye(reason: string, errorCode = ''): void {
    this.#outbox.push({ case: 'goodbye', value: { reason, errorCode } })
    this.#outbox.finish()
  }

  /** A peer that does not read its Goodbye must not hold the channel. */
  async #close(): Promise<void> {
    const late = new DamselflyError('CHANNEL_CLOSED', 'the peer did not end the channel in time')
    const cancel = this.#clock.after(CLOSE_TIMEOUT_MS, () => this.#channel.abort(late))
    try {
      await this.#channel.close()
    } catch (error) {
      this.#channel.abort(toDamselflyError(error, 'CHANNEL_CLOSED'))
    } finally {
      cancel()
    }
  }

  #ended(error: DamselflyError | undefined): void {
    if (this.#state === 'ended') return
    this.#state = 'ended'
    this.#cancelHelloTimer()
    this.#cancelHold()
    this.#heartbeat?.end()
    this.#outbox.close()
    this.#listener.ended(this, error)
  }
}
