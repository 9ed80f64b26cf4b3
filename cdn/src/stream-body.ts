import type { Readable } from 'node:stream'
import { DamselflyError, type ByteFlow, type ByteSink, type Clock } from '@damselfly/shared'
import { longError, requestError, shortError } from './http/http-errors.ts'
import { IdleTimer } from './http/idle-timer.ts'

export interface StreamBodyInit {
  /** Nobody has read of it. */
  readonly stream: Readable
  /** What was announced; bytes, undefined when nothing was. */
  readonly expected: number | undefined
  readonly signal: AbortSignal
  /** The URL for messages, redacted. */
  readonly shown: string
  readonly clock: Clock
  /** Without a byte while somebody waits for one; milliseconds. */
  readonly idleTimeoutMs: number
}

/** The body of an answer that somebody else's client gives as a stream; tells when it is shorter or longer than announced. */
export function streamBody(init: StreamBodyInit): ByteFlow {
  return new StreamBody(init)
}

class StreamBody implements ByteFlow {
  readonly #init: StreamBodyInit
  readonly #idle: IdleTimer
  #isPiped = false
  #isCancelled = false
  #received = 0
  #failure: { readonly reason: unknown } | undefined

  readonly #abort = (): void => this.#fail(this.#init.signal.reason)

  constructor(init: StreamBodyInit) {
    this.#init = init
    const { stream, signal, clock, idleTimeoutMs, shown } = init
    this.#idle = new IdleTimer(clock, idleTimeoutMs, () => this.#fail(requestError(new Error(`no byte came for ${idleTimeoutMs} ms`), shown)))
    // It may fail when nobody reads it yet; whoever reads hears of it then.
    stream.on('error', () => undefined)
    signal.addEventListener('abort', this.#abort, { once: true })
    if (signal.aborted) this.#abort()
  }

  async pipe(sink: ByteSink): Promise<void> {
    if (this.#isPiped) throw new DamselflyError('INTERNAL', 'a body can be read only once')
    this.#isPiped = true
    try {
      if (!this.#isCancelled) await this.#give(sink)
    } finally {
      this.#end()
    }
  }

  cancel(): void {
    this.#isCancelled = true
    this.#end()
  }

  async #give(sink: ByteSink): Promise<void> {
    const { expected, shown } = this.#init
    try {
      this.#idle.touch()
      for await (const bytes of this.#init.stream as AsyncIterable<Uint8Array>) {
        this.#idle.rest()
        this.#received += bytes.length
        if (expected !== undefined && this.#received > expected) throw longError(shown, expected)
        await this.#feed(sink, bytes)
        if (this.#isCancelled) return
        this.#idle.touch()
      }
    } catch (error) {
      if (this.#failure !== undefined) throw this.#failure.reason
      if (this.#isCancelled) return
      throw this.#brokenOff(error)
    }
    if (expected !== undefined && this.#received < expected) throw this.#brokenOff(undefined)
  }

  async #feed(sink: ByteSink, bytes: Uint8Array): Promise<void> {
    try {
      await sink(bytes)
    } catch (error) {
      this.#fail(error)
      throw error
    }
  }

  #brokenOff(error: unknown): DamselflyError {
    const { expected, shown } = this.#init
    const isShort = expected !== undefined && this.#received < expected
    return isShort ? shortError(shown, this.#received, expected, error) : requestError(error, shown)
  }

  #fail(reason: unknown): void {
    this.#failure ??= { reason }
    this.#end()
  }

  #end(): void {
    this.#idle.stop()
    this.#init.signal.removeEventListener('abort', this.#abort)
    this.#init.stream.destroy()
  }
}
