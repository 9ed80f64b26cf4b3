import type { OnReadOpts, Socket } from 'node:net'

/** Takes what a connection brings. The calls are synchronous; bytes are valid only during the call. */
export interface ConnectionHandler {
  /** @returns how many were taken; the others come again, before those that follow them */
  bytes(bytes: Uint8Array): number
  /** Nothing more comes. @param error undefined when the origin ended the connection in good order */
  ended(error: Error | undefined): void
}

/**
 * A connection to an origin. All connections of a client read into one and the same buffer: a read and its
 * callback are one step of the event loop, so the buffer is free again when the handler has had its look. An idle
 * connection holds no memory, and a busy one touches only memory that the CPU has at hand.
 */
export class OriginConnection {
  readonly #socket: Socket
  #handler: ConnectionHandler | undefined
  #isPaused = false
  /** What came while the handler could not take it; a portion or two of the socket. */
  #kept: Uint8Array[] = []
  #end: { readonly error: Error | undefined } | undefined

  /** @param open is given how to read and begins to connect */
  constructor(open: (onread: OnReadOpts) => Socket, buffer: Uint8Array) {
    this.#socket = open({ buffer, callback: (length) => this.#arrived(buffer.subarray(0, length)) })
    this.#socket.on('error', (error) => this.#ended(error))
    this.#socket.once('end', () => this.#ended(undefined))
    this.#socket.once('close', () => this.#ended(new Error('the connection was closed')))
  }

  get isEnded(): boolean {
    return this.#end !== undefined || this.#socket.destroyed
  }

  /** Resolves when a request can be sent. @throws what keeps it from being connected */
  whenOpen(): Promise<void> {
    const socket = this.#socket
    return new Promise((resolve, reject) => {
      const ready = 'encrypted' in socket ? 'secureConnect' : 'connect'
      const onClose = (): void => reject(this.#end?.error)
      socket.once('close', onClose)
      socket.once(ready, () => {
        socket.off('close', onClose)
        resolve()
      })
    })
  }

  send(text: string): void {
    this.#socket.write(text, 'latin1')
  }

  /** From now on what comes, and what has been kept, goes there. */
  handTo(handler: ConnectionHandler): void {
    this.#handler = handler
    this.#socket.ref()
    this.resume()
  }

  /** It keeps no process alive until it is handed on. */
  unref(): void {
    this.#socket.unref()
  }

  /** A few bytes that are on their way are kept. */
  pause(): void {
    this.#isPaused = true
    this.#socket.pause()
  }

  resume(): void {
    this.#isPaused = false
    this.#deliverKept()
    if (this.#isPaused) return
    if (this.#end !== undefined) this.#handler?.ended(this.#end.error)
    else this.#socket.resume()
  }

  /** Ends it at once. Idempotent. @param error for the handler */
  destroy(error?: Error): void {
    this.#kept = []
    this.#socket.destroy(error)
  }

  /** Resolves when nothing of it is left. */
  whenClosed(): Promise<void> {
    const socket = this.#socket
    return socket.closed ? Promise.resolve() : new Promise((resolve) => socket.once('close', () => resolve()))
  }

  /** @returns whether to read on */
  #arrived(bytes: Uint8Array): boolean {
    if (this.#isPaused || this.#handler === undefined) {
      // Of an encrypted portion all is delivered, even to one who has paused within.
      this.#kept.push(copyOf(bytes))
      return false
    }
    this.#deliver(bytes, this.#handler)
    return !this.#isPaused
  }

  #deliver(bytes: Uint8Array, handler: ConnectionHandler): void {
    const taken = handler.bytes(bytes)
    if (taken === bytes.length) return
    this.#kept.unshift(copyOf(bytes.subarray(taken)))
    this.pause()
  }

  #deliverKept(): void {
    while (!this.#isPaused && this.#handler !== undefined) {
      const bytes = this.#kept.shift()
      if (bytes === undefined) return
      this.#deliver(bytes, this.#handler)
    }
  }

  #ended(error: Error | undefined): void {
    if (this.#end !== undefined) return
    this.#end = { error }
    if (!this.#isPaused) this.#handler?.ended(error)
  }
}

/** Not `slice`, which is a view where the bytes are a Buffer. */
function copyOf(bytes: Uint8Array): Uint8Array {
  return new Uint8Array(bytes)
}
