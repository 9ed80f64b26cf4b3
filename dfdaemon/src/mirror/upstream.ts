import type { IncomingHttpHeaders } from 'node:http'
import type { Readable } from 'node:stream'
import { DamselflyError, messageOf } from '@damselfly/shared'
import { Agent, Pool, request } from 'undici'
import type { Registries } from './registries.ts'

/** For DNS, TCP and TLS together; milliseconds. */
const CONNECT_TIMEOUT = 10_000
/** From the request to the end of the answer's headers, and between two parts of a body; milliseconds. */
const SILENCE = 30_000

export interface UpstreamRequest {
  readonly method: string
  readonly registry: string
  /** From `/v2/` on. */
  readonly path: string
  /** As the client sent them; what concerns its connection only is left out. */
  readonly headers: IncomingHttpHeaders
  readonly body?: Readable | undefined
  readonly signal: AbortSignal
}

export interface UpstreamAnswer {
  readonly status: number
  readonly headers: IncomingHttpHeaders
  /** To be read to its end, or destroyed. */
  readonly body: Readable
}

/** Of a connection, not of what goes over it (RFC 9110, 7.6.1); `host` and `expect` are the client's own too. */
const OF_THE_CONNECTION = new Set([
  'connection',
  'expect',
  'host',
  'keep-alive',
  'proxy-authenticate',
  'proxy-authorization',
  'proxy-connection',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
])

/** Asks registries what is not a content, in the words of the client. */
export class Upstream {
  readonly #registries: Registries
  readonly #agent: Agent

  constructor(registries: Registries) {
    this.#registries = registries
    this.#agent = new Agent({
      connectTimeout: CONNECT_TIMEOUT,
      headersTimeout: SILENCE,
      bodyTimeout: SILENCE,
      factory: (origin, options) => new Pool(origin, options),
    })
  }

  /** @throws DamselflyError ORIGIN_UNREACHABLE, or the signal's reason */
  async send({ method, registry, path, headers, body, signal }: UpstreamRequest): Promise<UpstreamAnswer> {
    const endpoint = this.#registries.endpoint(registry)
    try {
      const answer = await request(endpoint + path, {
        dispatcher: this.#agent,
        method,
        headers: endToEnd(headers),
        body: body ?? null,
        signal,
      })
      return { status: answer.statusCode, headers: endToEnd(answer.headers), body: answer.body }
    } catch (error) {
      signal.throwIfAborted()
      throw new DamselflyError('ORIGIN_UNREACHABLE', `${endpoint} does not answer: ${messageOf(error)}`, { cause: error })
    }
  }

  /** Breaks what is under way. */
  async close(): Promise<void> {
    await this.#agent.destroy()
  }
}

/** Without what concerns the connection on which they came. */
function endToEnd(headers: IncomingHttpHeaders): IncomingHttpHeaders {
  const named = new Set((headers.connection ?? '').toLowerCase().split(/\s*,\s*/))
  return Object.fromEntries(
    Object.entries(headers).filter(([name, value]) => value !== undefined && !OF_THE_CONNECTION.has(name) && !named.has(name)),
  )
}
