import { DamselflyError, type PeerId } from '@damselfly/shared'
import type { Channel, ChannelReceiver } from '@damselfly/exchange'

/** One end of a control channel in memory. The test holds the other end: it reads `sent` and calls `deliver`. */
export class MemoryChannel implements Channel {
  readonly kind = 'direct'
  readonly protocol = '/damselfly/control/1'
  readonly remotePeer: PeerId
  readonly remoteAddress: string
  /** Called with each frame that the holder sends. */
  onSent: (bytes: Uint8Array) => void = () => undefined
  onEnd: () => void = () => undefined
  isPaused = false
  #receiver: ChannelReceiver | undefined
  #isEnded = false
  #drained: { readonly promise: Promise<void>; readonly resolve: () => void } | undefined

  constructor(remotePeer: PeerId, remoteAddress = '127.0.0.1:4000') {
    this.remotePeer = remotePeer
    this.remoteAddress = remoteAddress
  }

  get isEnded(): boolean {
    return this.#isEnded
  }

  /** The remote side sends a frame; as with real channels, its bytes are only valid while it is handled. */
  deliver(bytes: Uint8Array): void {
    const frame = Buffer.from(bytes)
    if (!this.#isEnded) this.#receiver?.message(frame)
    frame.fill(0xee)
  }

  /** The remote side ends the channel. */
  hangUp(): void {
    this.#end(undefined)
  }

  /** The remote side stops reading; the returned function lets it read on. */
  block(): () => void {
    this.#drained = Promise.withResolvers()
    return () => {
      this.#drained?.resolve()
      this.#drained = undefined
    }
  }

  receive(receiver: ChannelReceiver): void {
    this.#receiver = receiver
  }

  sendMessage(bytes: Uint8Array): void {
    if (this.#isEnded) throw new DamselflyError('CHANNEL_CLOSED', 'the channel is closed')
    this.onSent(Uint8Array.from(bytes))
  }

  sendData(): Promise<void> {
    return Promise.reject(new RangeError('a control channel carries no data'))
  }

  get isWritable(): boolean {
    return !this.#isEnded && this.#drained === undefined
  }

  writable(): Promise<void> {
    return this.#drained?.promise ?? Promise.resolve()
  }

  pause(): void {
    this.isPaused = true
  }

  resume(): void {
    this.isPaused = false
  }

  async close(): Promise<void> {
    this.#end(undefined)
  }

  abort(error: Error): void {
    this.#end(error)
  }

  #end(error: Error | undefined): void {
    if (this.#isEnded) return
    this.#isEnded = true
    this.onEnd()
    this.#receiver?.closed(error)
  }
}
