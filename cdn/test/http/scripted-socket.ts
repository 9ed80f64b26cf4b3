import { EventEmitter } from 'node:events'
import type { OnReadOpts, Socket } from 'node:net'

export interface Script {
  /** What comes once a request was written. */
  readonly portions: readonly Uint8Array[]
  /** How the connection ends then; undefined: it stays open. */
  readonly end: 'end' | 'reset' | undefined
  /** So many portions come in one turn, even if the reader pauses within: TLS delivers what it has decrypted. */
  readonly burst: number
}

/** A socket that reads from a script into the buffer that it is given. */
export class ScriptedSocket extends EventEmitter {
  readonly #script: Script
  readonly #onread: OnReadOpts
  readonly #left: Uint8Array[]
  #isPaused = false
  #isAsked = false
  destroyed = false
  closed = false

  constructor(script: Script, onread: OnReadOpts) {
    super()
    this.#script = script
    this.#onread = onread
    this.#left = [...script.portions]
    setImmediate(() => this.emit('connect'))
  }

  asSocket(): Socket {
    return this as unknown as Socket
  }

  write(): boolean {
    this.#isAsked = true
    setImmediate(() => this.#read())
    return true
  }

  pause(): void {
    this.#isPaused = true
  }

  resume(): void {
    if (!this.#isPaused) return
    this.#isPaused = false
    setImmediate(() => this.#read())
  }

  ref(): void {}

  unref(): void {}

  destroy(error?: Error): void {
    if (this.destroyed) return
    this.destroyed = true
    setImmediate(() => {
      if (error !== undefined) this.emit('error', error)
      this.closed = true
      this.emit('close')
    })
  }

  #read(): void {
    if (!this.#isAsked || this.#isPaused || this.destroyed) return
    const burst = this.#left.splice(0, this.#script.burst)
    for (const portion of burst) this.#deliver(portion)
    if (burst.length < this.#script.burst) this.#end()
    else if (!this.#isPaused) setImmediate(() => this.#read())
  }

  #deliver(portion: Uint8Array): void {
    if (this.destroyed) return
    const buffer = this.#onread.buffer as Uint8Array
    buffer.set(portion)
    if (!this.#onread.callback(portion.length, buffer)) this.#isPaused = true
    // The next read would write over it.
    buffer.fill(0xee, 0, portion.length)
  }

  #end(): void {
    const { end } = this.#script
    if (end === 'end') this.emit('end')
    if (end === 'end') this.destroy()
    if (end === 'reset') this.destroy(Object.assign(new Error('reset'), { code: 'ECONNRESET' }))
  }
}
