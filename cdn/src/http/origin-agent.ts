import { Agent, Client, Pool, type buildConnector, type Dispatcher } from 'undici'
import type { HttpSourceLimits } from './limits.ts'
import { isExcess } from './http-errors.ts'

/** Follows the connection that one request is given, so that what comes after its body can be blamed on it. */
export class ConnectionWatch {
  #client: Client | undefined
  #sentTooMuch = false

  readonly #onDisconnect = (_origin: URL, _targets: readonly Dispatcher[], error: Error): void => {
    if (isExcess(error)) this.#sentTooMuch = true
  }

  /** Whether bytes followed the body's announced end. */
  get sentTooMuch(): boolean {
    return this.#sentTooMuch
  }

  follow(client: Client): void {
    this.end()
    this.#client = client
    client.on('disconnect', this.#onDisconnect)
  }

  end(): void {
    this.#client?.off('disconnect', this.#onDisconnect)
    this.#client = undefined
  }
}

/** Connections to origins, kept alive between requests, one request at a time on each. */
export function createOriginAgent(limits: HttpSourceLimits, connect: buildConnector.connector): Agent {
  return new Agent({
    connect,
    pipelining: 1,
    allowH2: false,
    connections: limits.connectionsPerOrigin,
    headersTimeout: limits.headersTimeoutMs,
    bodyTimeout: limits.bodyIdleTimeoutMs,
    maxHeaderSize: limits.maxHeaderBytes,
    factory: (origin, options: Pool.Options) =>
      new Pool(origin, { ...options, factory: (url, clientOptions) => new WatchedClient(url, clientOptions) }),
  })
}

/** Tells the request's watch which connection it got. */
class WatchedClient extends Client {
  override dispatch(options: Dispatcher.DispatchOptions, handler: Dispatcher.DispatchHandler): boolean {
    if ('opaque' in options && options.opaque instanceof ConnectionWatch) options.opaque.follow(this)
    return super.dispatch(options, handler)
  }
}
