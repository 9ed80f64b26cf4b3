import type { AbortOptions, Logger, MessageStreamDirection } from '@libp2p/interface'
import { AbstractMultiaddrConnection, type SendResult } from '@libp2p/utils'
import type { Multiaddr } from '@multiformats/multiaddr'
import { once } from 'node:events'
import type { Socket } from 'node:net'
import type { Uint8ArrayList } from 'uint8arraylist'
import { giveBack } from './give-back.ts'
import type { ReadRing } from './read-ring.ts'

/** Yamux asks for a sign of life every 30 s, so a connection that is silent for so long is dead; milliseconds. */
const SILENCE_TIMEOUT_MS = 120_000

export interface SocketConnectionInit {
  readonly socket: Socket
  /** The one that the socket was made with, if it was. */
  readonly ring?: ReadRing
  readonly direction: MessageStreamDirection
  readonly remoteAddr: Multiaddr
  readonly log: Logger
}

/**
 * A TCP socket as libp2p wants it. Unlike the library's own it sends what belongs together in one call of the system,
 * and owns the bytes that it is given: their memory is given back once they are sent.
 */
export class SocketConnection extends AbstractMultiaddrConnection {
  readonly #socket: Socket
  #isCorked = false

  constructor({ socket, ring, direction, remoteAddr, log }: SocketConnectionInit) {
    super({ direction, remoteAddr, log })
    this.#socket = socket
    if (ring === undefined) socket.on('data', (bytes: Buffer) => this.onData(bytes))
    else ring.deliverTo((bytes) => this.onData(this.#isKeeping ? new Uint8Array(bytes) : bytes))
    socket.on('drain', () => this.safeDispatchEvent('drain'))
    socket.on('error', (error) => this.abort(error))
    socket.once('end', () => this.onTransportClosed())
    socket.once('close', (hadError) => this.onTransportClosed(hadError ? new Error('the connection broke') : undefined))
    socket.setTimeout(SILENCE_TIMEOUT_MS, () => this.abort(new Error('the other side fell silent')))
  }

  override sendData(data: Uint8ArrayList): SendResult {
    const parts = [...data]
    const last = parts.length - 1
    this.#corkForNow()
    let canSendMore = true
    for (const [index, part] of parts.entries()) {
      canSendMore = index < last ? this.#socket.write(part) : this.#socket.write(part, sent(parts))
    }
    return { sentBytes: data.byteLength, canSendMore }
  }

  override async sendClose(options?: AbortOptions): Promise<void> {
    if (this.#socket.destroyed) return
    const closed = once(this.#socket, 'close', options)
    this.#socket.destroySoon()
    await closed
  }

  override sendReset(): void {
    // A socket that is ending cannot be reset any more.
    if (this.#socket.writableEnded) this.#socket.destroy()
    else this.#socket.resetAndDestroy()
  }

  override sendPause(): void {
    this.#socket.pause()
  }

  override sendResume(): void {
    this.#socket.resume()
  }

  /** Nobody takes what comes now. */
  get #isKeeping(): boolean {
    return this.readStatus !== 'readable' || this.listenerCount('message') === 0
  }

  /** One turn of the event loop may bring many small parts: lengths, sealed bytes, tags, window updates. */
  #corkForNow(): void {
    if (this.#isCorked) return
    this.#isCorked = true
    this.#socket.cork()
    process.nextTick(() => {
      this.#isCorked = false
      this.#socket.uncork()
    })
  }
}

function sent(parts: readonly Uint8Array[]): (error?: Error | null) => void {
  return (error) => {
    if (error instanceof Error) return
    for (const part of parts) if (part.byteLength === part.buffer.byteLength) giveBack(part)
  }
}
