import { DamselflyError } from '@damselfly/shared'

const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const

/** The part of `process` that is used. */
export interface SignalSource {
  on(event: NodeJS.Signals, listener: () => void): unknown
  off(event: NodeJS.Signals, listener: () => void): unknown
}

/** Whatever ends a download before its time: a signal, or the time that it may take. */
export class Interruption {
  readonly #controller = new AbortController()
  readonly #source: SignalSource
  readonly #interrupt = (): void => this.#controller.abort(new DamselflyError('CANCELLED', 'interrupted'))
  readonly #timer: NodeJS.Timeout | undefined

  /** @param timeoutMs 0: none */
  constructor(source: SignalSource, timeoutMs: number) {
    this.#source = source
    for (const signal of SIGNALS) source.on(signal, this.#interrupt)
    this.#timer = timeoutMs === 0 ? undefined : setTimeout(() => this.#expire(timeoutMs), Math.min(timeoutMs, MAX_TIMER_MS))
  }

  get signal(): AbortSignal {
    return this.#controller.signal
  }

  close(): void {
    clearTimeout(this.#timer)
    for (const signal of SIGNALS) this.#source.off(signal, this.#interrupt)
  }

  #expire(timeoutMs: number): void {
    this.#controller.abort(new DamselflyError('TIMEOUT', `not finished within ${timeoutMs / 1000} s`))
  }
}

/** setTimeout takes no longer times; 24 days are as good as none. */
const MAX_TIMER_MS = 2 ** 31 - 1
