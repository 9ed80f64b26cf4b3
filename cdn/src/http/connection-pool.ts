import type { Clock } from '@damselfly/shared'
import type { Connector } from './guarded-connector.ts'
import type { HttpSourceLimits } from './limits.ts'
import { OriginConnection } from './origin-connection.ts'
import { OriginPool, type Lease } from './origin-pool.ts'

/** What one read of a socket can bring: large enough to be cheap per byte, small enough for the CPU's cache; bytes. */
const READ_BYTES = 256 * 1024

/** Connections to origins of all names. */
export class ConnectionPool {
  readonly #connect: Connector
  readonly #limits: HttpSourceLimits
  readonly #clock: Clock
  readonly #pools = new Map<string, OriginPool>()
  readonly #open = new Set<OriginConnection>()
  #buffer: Uint8Array | undefined
  #isClosed = false

  constructor(connect: Connector, limits: HttpSourceLimits, clock: Clock) {
    this.#connect = connect
    this.#limits = limits
    this.#clock = clock
  }

  /**
   * @param mayBeUsed whether a connection will do that was used before
   * @throws what keeps the connection from being made, or the signal's reason
   */
  async lease(url: URL, mayBeUsed: boolean, signal: AbortSignal): Promise<Lease> {
    signal.throwIfAborted()
    return await this.#poolOf(url).lease(mayBeUsed, signal)
  }

  /** Breaks what is under way. Resolves when no connection is left. Idempotent. */
  async close(): Promise<void> {
    this.#isClosed = true
    const open = [...this.#open]
    for (const connection of open) connection.destroy(closedError())
    await Promise.all(open.map((connection) => connection.whenClosed()))
  }

  #poolOf(url: URL): OriginPool {
    const { origin } = url
    const known = this.#pools.get(origin)
    if (known !== undefined) return known
    const pool = new OriginPool({
      atOnce: this.#limits.connectionsPerOrigin,
      clock: this.#clock,
      connect: (signal) => this.#connectTo(url, signal),
      onUnused: () => this.#pools.delete(origin),
    })
    this.#pools.set(origin, pool)
    return pool
  }

  async #connectTo(url: URL, signal: AbortSignal): Promise<OriginConnection> {
    const { connectTimeoutMs } = this.#limits
    signal.throwIfAborted()
    // It may also be the turn of one who waited for those that were broken off.
    if (this.#isClosed) throw closedError()
    this.#buffer ??= Buffer.allocUnsafeSlow(READ_BYTES)
    const connection = new OriginConnection((onread) => this.#connect(url, onread), this.#buffer)
    this.#open.add(connection)
    void connection.whenClosed().then(() => this.#open.delete(connection))
    const cancelTimer = this.#clock.after(connectTimeoutMs, () => connection.destroy(new Error(`no connection to ${url.host} within ${connectTimeoutMs} ms`)))
    const abort = (): void => connection.destroy(signal.reason)
    signal.addEventListener('abort', abort, { once: true })
    try {
      await connection.whenOpen()
      return connection
    } finally {
      cancelTimer()
      signal.removeEventListener('abort', abort)
    }
  }
}

function closedError(): Error {
  return new Error('the source client was closed')
}
