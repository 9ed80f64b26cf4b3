import type { Clock } from '@damselfly/shared'
import type { OriginConnection } from './origin-connection.ts'
import { Turns } from './turns.ts'

/** A connection on which one request can be made. */
export interface Lease {
  readonly connection: OriginConnection
  /** Whether it has carried a request before, so that the origin may have given it up meanwhile. */
  readonly isUsed: boolean
  /** Gives it back; once only. @param restMs how long it may wait for the next request; milliseconds, 0 ends it */
  end(restMs: number): void
}

export interface OriginPoolInit {
  /** Further requests wait for one to end. */
  readonly atOnce: number
  readonly clock: Clock
  readonly connect: (signal: AbortSignal) => Promise<OriginConnection>
  /** No request is made and no connection rests. */
  readonly onUnused: () => void
}

interface Resting {
  readonly connection: OriginConnection
  readonly cancelTimer: () => void
}

/** The connections to one origin, kept open for a while between requests. */
export class OriginPool {
  readonly #init: OriginPoolInit
  readonly #turns: Turns
  readonly #resting = new Set<Resting>()
  #users = 0

  constructor(init: OriginPoolInit) {
    this.#init = init
    this.#turns = new Turns(init.atOnce)
  }

  /**
   * @param mayBeUsed whether a connection will do that was used before
   * @throws what keeps the connection from being made, or the signal's reason
   */
  async lease(mayBeUsed: boolean, signal: AbortSignal): Promise<Lease> {
    this.#users++
    try {
      await this.#turns.begin(signal)
    } catch (error) {
      this.#leave()
      throw error
    }
    try {
      const rested = mayBeUsed ? this.#wake() : undefined
      const connection = rested ?? (await this.#init.connect(signal))
      return { connection, isUsed: rested !== undefined, end: (restMs) => this.#end(connection, restMs) }
    } catch (error) {
      this.#turns.end()
      this.#leave()
      throw error
    }
  }

  #end(connection: OriginConnection, restMs: number): void {
    if (restMs > 0 && !connection.isEnded) this.#rest(connection, restMs)
    else connection.destroy()
    this.#turns.end()
    this.#leave()
  }

  /** Whatever comes to a connection on which nothing was asked for ends it. */
  #rest(connection: OriginConnection, restMs: number): void {
    const cancelTimer = this.#init.clock.after(restMs, () => connection.destroy())
    const resting = { connection, cancelTimer }
    this.#resting.add(resting)
    const ended = (): void => {
      cancelTimer()
      if (this.#resting.delete(resting)) this.#tellUnused()
    }
    const bytes = (unasked: Uint8Array): number => {
      connection.destroy()
      return unasked.length
    }
    connection.handTo({ bytes, ended })
    connection.unref()
  }

  /** The one that has rested shortest is the likeliest to be alive. */
  #wake(): OriginConnection | undefined {
    for (const resting of [...this.#resting].toReversed()) {
      resting.cancelTimer()
      this.#resting.delete(resting)
      if (!resting.connection.isEnded) return resting.connection
    }
    return undefined
  }

  #leave(): void {
    this.#users--
    this.#tellUnused()
  }

  #tellUnused(): void {
    if (this.#users === 0 && this.#resting.size === 0) this.#init.onUnused()
  }
}
