const STOP_SIGNALS = ['SIGTERM', 'SIGINT'] as const

/** The part of `process` that is used. */
export interface SignalSource {
  on(event: NodeJS.Signals, listener: (signal: NodeJS.Signals) => void): unknown
  off(event: NodeJS.Signals, listener: (signal: NodeJS.Signals) => void): unknown
}

/** The first signal asks for a graceful stop, the second for an immediate one. */
export class StopSignals {
  readonly first: Promise<NodeJS.Signals>
  readonly second: Promise<NodeJS.Signals>
  readonly #source: SignalSource
  readonly #received: (signal: NodeJS.Signals) => void

  constructor(source: SignalSource) {
    const first = Promise.withResolvers<NodeJS.Signals>()
    const second = Promise.withResolvers<NodeJS.Signals>()
    let count = 0
    this.first = first.promise
    this.second = second.promise
    this.#source = source
    this.#received = (signal) => (count++ === 0 ? first : second).resolve(signal)
    for (const signal of STOP_SIGNALS) source.on(signal, this.#received)
  }

  close(): void {
    for (const signal of STOP_SIGNALS) this.#source.off(signal, this.#received)
  }
}
