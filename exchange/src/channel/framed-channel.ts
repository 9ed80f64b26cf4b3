import { DamselflyError, isDamselflyError, messageOf, type Clock, type PeerId } from '@damselfly/shared'
import type { ByteLink } from './byte-link.ts'
import { CHANNEL_LIMITS, type Channel, type ChannelKind, type ChannelLimits, type ChannelReceiver, type Protocol } from './channel.ts'
import { FRAME, frameHeader, FrameDecoder, type FrameType } from './frame.ts'

export interface FramedChannelInit {
  readonly link: ByteLink
  readonly kind: ChannelKind
  readonly protocol: Protocol
  /** Proved by the handshake that came before. */
  readonly remotePeer: PeerId
  /** `host:port`. */
  readonly remoteAddress: string
  readonly clock: Clock
  /** What the handshake read too much. */
  readonly early?: Uint8Array
  /** Called once when the channel is over, before the receiver learns of it. */
  readonly onFinished?: (channel: Channel) => void
}

/** How long `close` waits for what is queued and for the other side; milliseconds. */
const CLOSE_TIMEOUT_MS = 5_000

interface Ending {
  readonly error: Error | undefined
}

/** A channel over any byte link: all kinds share this code. */
export class FramedChannel implements Channel {
  readonly kind: ChannelKind
  readonly protocol: Protocol
  readonly remotePeer: PeerId
  readonly remoteAddress: string
  readonly #limits: ChannelLimits
  readonly #link: ByteLink
  readonly #clock: Clock
  readonly #decoder: FrameDecoder
  readonly #onFinished: ((channel: Channel) => void) | undefined
  readonly #over = Promise.withResolvers<void>()
  #receiver: ChannelReceiver | undefined
  /** What arrived while nobody wanted it: before `receive`, or just after `pause`. */
  #backlog: Uint8Array[] = []
  #isPaused = false
  #isLinkPaused = false
  #isDecoding = false
  #isClosing = false
  /** Set when the link is over while the backlog still waits for its reader. */
  #linkEnding: Ending | undefined
  #ending: Ending | undefined
  #isClosedTold = false
  #unsentBytes = 0
  #writable: PromiseWithResolvers<void> | undefined
  #cancelCloseTimeout = (): void => undefined

  constructor(init: FramedChannelInit) {
    this.kind = init.kind
    this.protocol = init.protocol
    this.remotePeer = init.remotePeer
    this.remoteAddress = init.remoteAddress
    this.#limits = CHANNEL_LIMITS[init.protocol]
    this.#link = init.link
    this.#clock = init.clock
    this.#onFinished = init.onFinished
    this.#decoder = new FrameDecoder(this.#limits, {
      message: (bytes) => this.#receiver?.message(bytes),
      data: (stream, bytes) => this.#receiver?.data(stream, bytes),
      end: () => this.#remoteEnded(),
    })
    if (init.early !== undefined && init.early.length > 0) this.#backlog.push(init.early)
    this.#pauseLink()
    this.#link.attach({
      bytes: (bytes) => this.#arrived(bytes),
      ended: () => this.#linkOver(undefined),
      closed: (error) => this.#linkOver(error),
    })
  }

  receive(receiver: ChannelReceiver): void {
    if (this.#receiver !== undefined) throw new Error('a channel has one receiver')
    this.#receiver = receiver
    // Not at once, so that the caller can finish what it is doing before frames come.
    queueMicrotask(() => (this.#ending === undefined ? this.#pump() : this.#tellClosed()))
  }

  sendMessage(bytes: Uint8Array): void {
    if (bytes.length > this.#limits.maxMessageBytes) {
      throw new RangeError(`a message of ${bytes.length} bytes exceeds the limit of ${this.#limits.maxMessageBytes}`)
    }
    this.#throwIfOver()
    const unheard = (): void => undefined
    this.#send(FRAME.message, 0, bytes, unheard)
  }

  async sendData(stream: number, bytes: Uint8Array): Promise<void> {
    if (this.#limits.maxDataBytes === 0) throw new RangeError(`${this.protocol} carries no data`)
    this.#throwIfOver()
    if (bytes.length === 0) return
    await new Promise<void>((resolve, reject) => {
      this.#send(FRAME.data, stream, bytes, (error) => (error === undefined ? resolve() : reject(channelClosed(error))))
    })
  }

  get isWritable(): boolean {
    return !this.#isOver && this.#unsentBytes < this.#limits.highWaterMark
  }

  async writable(): Promise<void> {
    this.#throwIfOver()
    if (this.isWritable) return
    this.#writable ??= Promise.withResolvers()
    await this.#writable.promise
  }

  pause(): void {
    this.#isPaused = true
    this.#decoder.stop()
    this.#pauseLink()
  }

  resume(): void {
    this.#isPaused = false
    this.#pump()
  }

  close(): Promise<void> {
    if (this.#ending === undefined && !this.#isClosing) {
      this.#isClosing = true
      this.#backlog = []
      this.#send(FRAME.end, 0, new Uint8Array(), () => undefined)
      this.#link.end()
      // What still comes is not looked at, but the other side's end is behind it.
      this.#resumeLink()
      this.#rejectWriters(channelClosed(undefined))
      this.#cancelCloseTimeout = this.#clock.after(CLOSE_TIMEOUT_MS, () => {
        this.#finish(new DamselflyError('CHANNEL_CLOSED', `${this.remoteAddress} did not take what was queued in time`))
      })
      if (this.#linkEnding !== undefined) this.#finish(undefined)
    }
    return this.#over.promise
  }

  abort(error: Error): void {
    this.#backlog = []
    this.#finish(error)
  }

  get #isFlowing(): boolean {
    return this.#receiver !== undefined && !this.#isPaused && this.#ending === undefined && !this.#isClosing
  }

  #send(type: FrameType, stream: number, payload: Uint8Array, written: (error: Error | undefined) => void): void {
    const size = payload.length
    this.#unsentBytes += size
    this.#link.write(this.#framed(type, stream, payload), (error) => {
      this.#unsentBytes -= size
      if (this.#unsentBytes < this.#limits.highWaterMark && this.#writable !== undefined) {
        this.#writable.resolve()
        this.#writable = undefined
      }
      written(error)
    })
  }

  /** One frame, or for more data than that may carry, several. */
  #framed(type: FrameType, stream: number, payload: Uint8Array): readonly Uint8Array[] {
    const { length } = payload
    if (length === 0) return [frameHeader(type, stream, 0)]
    const most = this.#limits.maxDataBytes
    if (type !== FRAME.data || length <= most) return [frameHeader(type, stream, length), payload]
    const parts: Uint8Array[] = []
    for (let at = 0; at < length; at += most) {
      const part = payload.subarray(at, at + most)
      parts.push(frameHeader(type, stream, part.length), part)
    }
    return parts
  }

  #arrived(bytes: Uint8Array): void {
    if (this.#ending !== undefined || this.#isClosing) return
    if (!this.#isFlowing || this.#isDecoding || this.#backlog.length > 0) {
      this.#backlog.push(new Uint8Array(bytes))
      return
    }
    this.#decode(bytes, (rest) => new Uint8Array(rest))
    this.#pump()
  }

  /** Brings the backlog forward as far as the receiver takes it, then lets the link flow. */
  #pump(): void {
    if (this.#isDecoding) return
    while (this.#isFlowing) {
      const next = this.#backlog.shift()
      if (next === undefined) break
      this.#decode(next, (rest) => rest)
    }
    if (!this.#isFlowing) return
    if (this.#linkEnding === undefined) this.#resumeLink()
    else this.#finishBroken(this.#linkEnding)
  }

  /** @param keep makes what was not read yet the channel's own. */
  #decode(bytes: Uint8Array, keep: (rest: Uint8Array) => Uint8Array): void {
    this.#isDecoding = true
    try {
      const read = this.#decoder.push(bytes)
      if (read < bytes.length && this.#ending === undefined && !this.#isClosing) {
        this.#backlog.unshift(keep(bytes.subarray(read)))
      }
    } catch (error) {
      this.abort(error instanceof Error ? error : new Error(String(error)))
    } finally {
      this.#isDecoding = false
    }
  }

  #remoteEnded(): void {
    this.#decoder.stop()
    this.#backlog = []
    this.#finish(undefined, 'gently')
  }

  #linkOver(error: Error | undefined): void {
    if (this.#ending !== undefined) {
      this.#cancelCloseTimeout()
      return
    }
    if (this.#isClosing) {
      this.#finish(undefined)
      return
    }
    this.#linkEnding ??= { error }
    this.#rejectWriters(channelClosed(error))
    if (this.#isFlowing && !this.#isDecoding && this.#backlog.length === 0) this.#finishBroken(this.#linkEnding)
  }

  /** The link is over but the other side never said that it closes. */
  #finishBroken(ending: Ending): void {
    this.#finish(channelClosed(ending.error))
  }

  #finish(error: Error | undefined, how: 'gently' | 'at once' = 'at once'): void {
    if (this.#ending !== undefined) return
    this.#ending = { error }
    this.#cancelCloseTimeout()
    if (how === 'gently') {
      this.#link.end()
      this.#resumeLink()
      this.#cancelCloseTimeout = this.#clock.after(CLOSE_TIMEOUT_MS, () => this.#link.destroy())
    } else {
      this.#link.destroy()
    }
    this.#rejectWriters(channelClosed(error))
    this.#onFinished?.(this)
    this.#over.resolve()
    this.#tellClosed()
  }

  #tellClosed(): void {
    if (this.#receiver === undefined || this.#ending === undefined || this.#isClosedTold) return
    this.#isClosedTold = true
    this.#receiver.closed(this.#ending.error)
  }

  get #isOver(): boolean {
    return this.#ending !== undefined || this.#linkEnding !== undefined || this.#isClosing
  }

  #throwIfOver(): void {
    if (this.#ending !== undefined) throw channelClosed(this.#ending.error)
    if (this.#linkEnding !== undefined) throw channelClosed(this.#linkEnding.error)
    if (this.#isClosing) throw channelClosed(undefined)
  }

  #rejectWriters(error: Error): void {
    this.#writable?.reject(error)
    this.#writable = undefined
  }

  #pauseLink(): void {
    if (this.#isLinkPaused) return
    this.#isLinkPaused = true
    this.#link.pause()
  }

  #resumeLink(): void {
    if (!this.#isLinkPaused) return
    this.#isLinkPaused = false
    this.#link.resume()
  }
}

function channelClosed(error: Error | undefined): DamselflyError {
  if (isDamselflyError(error, 'CHANNEL_CLOSED')) return error
  const why = error === undefined ? '' : `: ${messageOf(error)}`
  return new DamselflyError('CHANNEL_CLOSED', `the channel is closed${why}`, { cause: error })
}
