import { DamselflyError, messageOf, type Clock, type PeerId } from '@damselfly/shared'
import type { Channel } from '../channel/channel.ts'
import type { Endpoint } from '../channel/transport.ts'

export interface DialFirstInit {
  readonly peer: PeerId
  /** Best first; at least one. */
  readonly endpoints: readonly Endpoint[]
  readonly dial: (endpoint: Endpoint, signal: AbortSignal) => Promise<Channel>
  /** How long an attempt has for itself before the next one starts beside it; milliseconds. */
  readonly fallbackMs: number
  readonly clock: Clock
}

/**
 * Tries endpoints as browsers do ("happy eyeballs", RFC 8305): the next one starts when
 * the last failed or has taken too long; the first that succeeds wins and ends the others.
 *
 * @throws DamselflyError PEER_UNREACHABLE with every cause, or the signal's reason
 */
export async function dialFirst(init: DialFirstInit, signal: AbortSignal): Promise<Channel> {
  signal.throwIfAborted()
  const race = new DialRace(init)
  const abort = (): void => race.abort(signal.reason)
  signal.addEventListener('abort', abort, { once: true })
  try {
    return await race.run()
  } finally {
    signal.removeEventListener('abort', abort)
  }
}

class DialRace {
  readonly #init: DialFirstInit
  readonly #waiting: Endpoint[]
  readonly #result = Promise.withResolvers<Channel>()
  readonly #attempts = new Set<AbortController>()
  readonly #failures: unknown[] = []
  #cancelTimer = (): void => undefined
  #isOver = false

  constructor(init: DialFirstInit) {
    this.#init = init
    this.#waiting = [...init.endpoints]
  }

  run(): Promise<Channel> {
    this.#startNext()
    return this.#result.promise
  }

  abort(reason: unknown): void {
    this.#end()
    this.#result.reject(reason)
  }

  #startNext(): void {
    this.#cancelTimer()
    const endpoint = this.#waiting.shift()
    if (endpoint === undefined) {
      if (this.#attempts.size === 0) this.#allFailed()
      return
    }
    void this.#attempt(endpoint)
    this.#cancelTimer = this.#init.clock.after(this.#init.fallbackMs, () => this.#startNext())
  }

  async #attempt(endpoint: Endpoint): Promise<void> {
    const own = new AbortController()
    this.#attempts.add(own)
    try {
      const channel = await this.#init.dial(endpoint, own.signal)
      this.#attempts.delete(own)
      if (this.#isOver) {
        channel.abort(new DamselflyError('CHANNEL_CLOSED', 'another lane to this peer was faster'))
        return
      }
      this.#end()
      this.#result.resolve(channel)
    } catch (error) {
      this.#attempts.delete(own)
      if (this.#isOver) return
      this.#failures.push(error)
      this.#startNext()
    }
  }

  #allFailed(): void {
    this.#end()
    const causes = this.#failures.map(messageOf).join('; ')
    this.#result.reject(
      new DamselflyError('PEER_UNREACHABLE', `no lane to ${this.#init.peer}: ${causes}`, {
        cause: new AggregateError(this.#failures),
      }),
    )
  }

  #end(): void {
    this.#isOver = true
    this.#cancelTimer()
    for (const attempt of this.#attempts) attempt.abort(new Error('no longer needed'))
    this.#attempts.clear()
  }
}
