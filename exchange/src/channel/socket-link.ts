import type { OnReadOpts, Socket } from 'node:net'
import type { ByteLink, ByteLinkHandler, Written } from './byte-link.ts'

/**
 * How long a connection may be silent before TCP asks whether the other host is still there; milliseconds. It asks ten
 * times, every second, so that a host which is gone is noticed within 20 s at no cost to the programs.
 */
export const KEEP_ALIVE_MS = 8_000

/**
 * A buffer that a dialled socket reads into again and again, which halves the cost of
 * receiving. It has to exist before the socket does.
 */
export class ReadBuffer {
  readonly onread: OnReadOpts
  #deliver: (bytes: Uint8Array) => void = () => undefined

  /** @param size bytes. */
  constructor(size: number) {
    this.onread = {
      buffer: Buffer.allocUnsafeSlow(size),
      callback: (length, buffer) => {
        this.#deliver(buffer.subarray(0, length))
        return true
      },
    }
  }

  deliverTo(deliver: (bytes: Uint8Array) => void): void {
    this.#deliver = deliver
  }
}

/** A TCP or TLS socket as a byte link. */
export class SocketLink implements ByteLink {
  readonly #socket: Socket
  #handler: ByteLinkHandler | undefined
  /** What came before there was a handler. */
  #early: Uint8Array[] = []
  #isEnded = false
  #error: Error | undefined
  #isClosed = false

  /** @param readBuffer the one that the socket was made with, if it was. */
  constructor(socket: Socket, readBuffer: ReadBuffer | undefined) {
    this.#socket = socket
    socket.setNoDelay(true)
    socket.setKeepAlive(true, KEEP_ALIVE_MS)
    if (readBuffer === undefined) socket.on('data', (bytes: Buffer) => this.#arrived(bytes))
    else readBuffer.deliverTo((bytes) => this.#arrived(bytes))
    socket.on('error', (error) => (this.#error = error))
    socket.once('end', () => {
      this.#isEnded = true
      this.#handler?.ended()
    })
    socket.once('close', () => {
      this.#isClosed = true
      this.#handler?.closed(this.#error)
    })
  }

  attach(handler: ByteLinkHandler): void {
    this.#handler = handler
    const early = this.#early
    this.#early = []
    for (const bytes of early) handler.bytes(bytes)
    if (this.#isEnded) handler.ended()
    if (this.#isClosed) handler.closed(this.#error)
  }

  write(parts: readonly Uint8Array[], written: Written): void {
    const last = parts.length - 1
    this.#socket.cork()
    for (const [index, part] of parts.entries()) {
      if (index === last) this.#socket.write(part, (error) => written(error ?? undefined))
      else this.#socket.write(part)
    }
    this.#socket.uncork()
  }

  pause(): void {
    this.#socket.pause()
  }

  resume(): void {
    this.#socket.resume()
  }

  end(): void {
    this.#socket.end()
  }

  destroy(): void {
    this.#socket.destroy()
  }

  #arrived(bytes: Uint8Array): void {
    if (this.#handler !== undefined) {
      this.#handler.bytes(bytes)
      return
    }
    // Not `slice`, which is a view where the bytes are a Buffer.
    this.#early.push(new Uint8Array(bytes))
    this.#socket.pause()
  }
}
