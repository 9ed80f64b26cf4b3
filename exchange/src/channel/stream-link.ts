import type { Stream, StreamCloseEvent, StreamMessageEvent } from '@libp2p/interface'
import { Uint8ArrayList } from 'uint8arraylist'
import type { ByteLink, ByteLinkHandler, Written } from './byte-link.ts'
import { giveBack } from './give-back.ts'

/** What a frame of the muxer begins with; bytes. */
const MUXER_HEADER_BYTES = 12

/** Writes of this size wait for others of the same turn of the event loop; smaller ones are messages, which somebody waits for; bytes. */
const WORTH_WAITING = 64 * 1024

/**
 * What is sent together is one frame of the muxer, for which the other side opens the window once, with a record of its own; bytes.
 */
const MAX_GATHERED = 1024 * 1024

/**
 * A libp2p stream as a byte link. It keeps to `message` with `pause` and `resume`, and to
 * `drain`: the stream's iterator buffers without bound and its `onDrain` resolves too early.
 */
export class StreamLink implements ByteLink {
  readonly #stream: Stream
  #handler: ByteLinkHandler | undefined
  /** Received and not yet handed on, since one event can bring more than the handler wants. */
  #inbox: Uint8Array[] = []
  #isDelivering = false
  #isPaused = false
  #isResuming = false
  /** Written and not yet given to the stream. */
  #gathered = new Uint8ArrayList()
  #sending: NodeJS.Immediate | undefined
  #unwritten: Written[] = []
  #closed: { readonly error: Error | undefined } | undefined
  #isEndTold = false
  #isCloseTold = false

  constructor(stream: Stream) {
    this.#stream = stream
    stream.addEventListener('drain', this.#drained)
    stream.addEventListener('end', this.#ended)
    stream.addEventListener('close', this.#streamClosed)
    if (stream.status !== 'open') this.#closed = { error: undefined }
  }

  attach(handler: ByteLinkHandler): void {
    const isFirst = this.#handler === undefined
    this.#handler = handler
    if (isFirst) this.#stream.addEventListener('message', this.#arrived)
    this.#deliver()
  }

  write(parts: readonly Uint8Array[], written: Written): void {
    const before = this.#gathered.byteLength
    this.#gathered.append(...parts)
    this.#unwritten.push(written)
    const size = this.#gathered.byteLength - before
    if (size < WORTH_WAITING || before + size >= MAX_GATHERED) this.#send()
    else this.#sending ??= setImmediate(() => this.#send())
  }

  pause(): void {
    this.#isPaused = true
    // A pause inside `resume` would be undone by the rest of it, which opens the window again.
    if (!this.#isResuming) this.#pauseStream()
  }

  resume(): void {
    this.#isPaused = false
    this.#deliver()
    if (this.#isPaused || this.#isResuming) return
    this.#isResuming = true
    try {
      if (this.#stream.readStatus === 'paused') this.#stream.resume()
    } catch {
      // The connection went away below the stream: its close event says so.
    } finally {
      this.#isResuming = false
    }
    if (this.#isPaused) this.#pauseStream()
    this.#deliver()
  }

  end(): void {
    this.#send()
    this.#stream.close().catch((error: unknown) => {
      this.#stream.abort(error instanceof Error ? error : new Error(String(error)))
    })
  }

  destroy(): void {
    this.#stream.abort(new Error('the channel was aborted'))
  }

  #send(): void {
    clearImmediate(this.#sending)
    this.#sending = undefined
    const gathered = this.#gathered
    if (gathered.byteLength === 0) return
    this.#gathered = new Uint8ArrayList()
    try {
      this.#stream.send(gathered)
    } catch (error) {
      this.#settleWrites(error instanceof Error ? error : new Error(String(error)))
      return
    }
    if (this.#hasSentAll) this.#settleWrites(undefined)
  }

  readonly #arrived = (event: StreamMessageEvent): void => {
    if (event.data instanceof Uint8Array) this.#inbox.push(event.data)
    else this.#inbox.push(...event.data)
    this.#deliver()
  }

  readonly #drained = (): void => {
    // The stream and the encryption below send what they hold back in microtasks of their own, queued before.
    queueMicrotask(() => {
      if (this.#hasSentAll) this.#settleWrites(undefined)
    })
  }

  readonly #ended = (): void => this.#deliver()

  readonly #streamClosed = (event: StreamCloseEvent): void => {
    this.#closed ??= { error: event.error }
    this.#gathered = new Uint8ArrayList()
    this.#settleWrites(event.error ?? new Error('the stream is closed'))
    this.#deliver()
  }

  /** While this is false the stream still refers to bytes that were given to it. */
  get #hasSentAll(): boolean {
    return this.#gathered.byteLength === 0 && this.#stream.writeBufferLength === 0 && !this.#stream.writableNeedsDrain
  }

  /** Hands on what has come, in order: first bytes, then the end, then the close. */
  #deliver(): void {
    if (this.#handler === undefined || this.#isDelivering) return
    this.#isDelivering = true
    let next = 0
    while (!this.#isPaused && next < this.#inbox.length) {
      const bytes = this.#inbox[next++] as Uint8Array
      this.#handler.bytes(bytes)
      if (isAlone(bytes)) giveBack(bytes)
    }
    if (next > 0) this.#inbox.splice(0, next)
    this.#isDelivering = false
    this.#tellOver(this.#handler)
  }

  #tellOver(handler: ByteLinkHandler): void {
    const isBroken = this.#closed?.error !== undefined
    const isRead = this.#inbox.length === 0 && this.#stream.readBufferLength === 0
    if (!isRead && !isBroken) return
    if (this.#stream.readableEnded && !isBroken && !this.#isEndTold) {
      this.#isEndTold = true
      handler.ended()
    }
    if (this.#closed !== undefined && !this.#isCloseTold) {
      this.#isCloseTold = true
      handler.closed(this.#closed.error)
    }
  }

  #settleWrites(error: Error | undefined): void {
    const unwritten = this.#unwritten
    this.#unwritten = []
    for (const written of unwritten) written(error)
  }

  #pauseStream(): void {
    const { readStatus } = this.#stream
    if (readStatus === 'readable') this.#stream.pause()
  }
}

/** Whether the rest of what was decrypted together with these bytes has no room for bytes of another stream. */
function isAlone({ byteOffset, byteLength, buffer }: Uint8Array): boolean {
  return byteOffset <= MUXER_HEADER_BYTES && byteOffset + byteLength === buffer.byteLength
}
