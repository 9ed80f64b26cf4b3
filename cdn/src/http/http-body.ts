import { setImmediate as nextTurn } from 'node:timers/promises'
import { DamselflyError, type ByteFlow, type ByteSink, type Clock } from '@damselfly/shared'
import type { BodyDecoder } from './body-decoder.ts'
import { longError, requestError, shortError } from './http-errors.ts'
import { IdleTimer } from './idle-timer.ts'
import type { ConnectionHandler, OriginConnection } from './origin-connection.ts'

/** Turns of the event loop in which bytes that were sent together with the body's last ones are read. */
const TURNS_AFTER_END = 4

export interface HttpBodyInit {
  /** Paused where the body begins. */
  readonly connection: OriginConnection
  readonly decoder: BodyDecoder
  /** What was announced; bytes, undefined when nothing was. */
  readonly expected: number | undefined
  readonly clock: Clock
  /** Milliseconds. */
  readonly idleTimeoutMs: number
  readonly signal: AbortSignal
  /** The URL for messages, redacted. */
  readonly shown: string
  /** Called once. @param isWhole whether all of the body came, and nothing behind it */
  readonly onEnd: (isWhole: boolean) => void
}

/** The body of one answer, which tells when it is shorter or longer than announced. */
export class HttpBody implements ByteFlow, ConnectionHandler {
  readonly #init: HttpBodyInit
  readonly #idle: IdleTimer
  readonly #settled = Promise.withResolvers<void>()
  #sink: ByteSink | undefined
  #isGiving = false
  /** What the sink asks to wait for. */
  #busy: Promise<void> | undefined
  #received = 0
  #isComplete = false
  #isOver = false
  #failure: { readonly reason: unknown } | undefined

  readonly #abort = (): void => this.#fail(this.#init.signal.reason)

  constructor(init: HttpBodyInit) {
    this.#init = init
    const { clock, idleTimeoutMs, shown } = init
    this.#idle = new IdleTimer(clock, idleTimeoutMs, () => this.#fail(requestError(new Error(`no byte came for ${idleTimeoutMs} ms`), shown)))
    init.signal.addEventListener('abort', this.#abort, { once: true })
    // It may fail when nobody reads it yet.
    this.#settled.promise.catch(() => undefined)
    if (init.signal.aborted) this.#abort()
  }

  pipe(sink: ByteSink): Promise<void> {
    if (this.#sink !== undefined) throw new DamselflyError('INTERNAL', 'a body can be read only once')
    this.#sink = sink
    if (!this.#isOver) this.#goOn()
    return this.#settled.promise
  }

  cancel(): void {
    this.#end(false)
  }

  bytes(bytes: Uint8Array): number {
    if (this.#isOver) return bytes.length
    this.#idle.touch()
    try {
      return this.#take(bytes)
    } catch (error) {
      this.#fail(requestError(error, this.#init.shown))
      return bytes.length
    }
  }

  ended(error: Error | undefined): void {
    const { decoder } = this.#init
    // Nothing is missing, even if the sink is not done yet.
    if (this.#isOver || decoder.isOver || this.#isComplete) return
    if (error === undefined && decoder.endsWithConnection) this.#complete()
    else this.#fail(this.#brokenOff(error))
  }

  /** @returns how many were taken */
  #take(bytes: Uint8Array): number {
    const { decoder } = this.#init
    let taken = 0
    while (taken < bytes.length && !this.#isOver && this.#busy === undefined) {
      if (decoder.isOver) this.#tooMuch()
      else {
        const { count, content } = decoder.take(taken === 0 ? bytes : bytes.subarray(taken))
        taken += count
        if (content.length > 0) this.#give(content)
      }
    }
    if (this.#isOver) return bytes.length
    if (decoder.isOver && this.#busy === undefined) this.#complete()
    return taken
  }

  #give(content: Uint8Array): void {
    const { expected, shown, connection } = this.#init
    this.#received += content.length
    if (expected !== undefined && this.#received > expected) throw longError(shown, expected)
    const busy = this.#feed(content)
    if (busy === undefined) return
    connection.pause()
    this.#idle.rest()
    this.#busy = busy
      .catch((reason: unknown) => this.#fail(reason))
      .then(() => {
        this.#busy = undefined
        if (this.#isOver) this.#settle()
        else this.#goOn()
      })
  }

  #feed(content: Uint8Array): Promise<void> | undefined {
    this.#isGiving = true
    try {
      return this.#sink?.(content)
    } catch (error) {
      this.#fail(error)
      return undefined
    } finally {
      this.#isGiving = false
      if (this.#isOver) queueMicrotask(() => this.#settle())
    }
  }

  #goOn(): void {
    this.#idle.touch()
    this.#init.connection.handTo(this)
    if (!this.#isOver && this.#busy === undefined && this.#init.decoder.isOver) this.#complete()
  }

  #complete(): void {
    if (this.#isComplete) return
    const { expected, shown } = this.#init
    this.#isComplete = true
    this.#idle.rest()
    if (expected !== undefined && this.#received < expected) this.#fail(shortError(shown, this.#received, expected))
    else void this.#watchForMore()
  }

  /** What comes after the announced end may show a little later. */
  async #watchForMore(): Promise<void> {
    for (let turn = 0; turn < TURNS_AFTER_END; turn++) await nextTurn()
    this.#end(true)
  }

  #tooMuch(): void {
    const { expected, shown } = this.#init
    if (expected === undefined) this.#end(false)
    else this.#fail(longError(shown, expected))
  }

  #brokenOff(error: Error | undefined): DamselflyError {
    const { expected, shown } = this.#init
    const cause = error ?? new Error('the origin ended the connection early')
    if (expected === undefined || this.#received >= expected) return requestError(cause, shown)
    return shortError(shown, this.#received, expected, cause)
  }

  #fail(reason: unknown): void {
    this.#failure ??= { reason }
    this.#end(false)
  }

  #end(isWhole: boolean): void {
    if (this.#isOver) return
    this.#isOver = true
    this.#idle.stop()
    this.#init.signal.removeEventListener('abort', this.#abort)
    this.#init.onEnd(isWhole)
    this.#settle()
  }

  /** Whoever owns the sink hears of the end only when the sink is at rest. */
  #settle(): void {
    if (this.#isGiving || this.#busy !== undefined) return
    if (this.#failure === undefined) this.#settled.resolve()
    else this.#settled.reject(this.#failure.reason)
  }
}
