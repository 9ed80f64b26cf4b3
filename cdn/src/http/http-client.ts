import type { ByteFlow, Clock } from '@damselfly/shared'
import { UnansweredError, waitForAnswer } from './answer-wait.ts'
import { createBodyDecoder } from './body-decoder.ts'
import { framingOf, reusableFor, type Framing, type Method } from './body-framing.ts'
import { ConnectionPool } from './connection-pool.ts'
import type { Connector } from './guarded-connector.ts'
import { HttpBody } from './http-body.ts'
import type { HttpSourceLimits } from './limits.ts'
import type { Lease } from './origin-pool.ts'
import { requestText } from './request-text.ts'
import type { ResponseHead } from './response-head.ts'

export interface HttpRequest {
  readonly method: Method
  readonly url: URL
  readonly headers: Readonly<Record<string, string>>
  /** Of a POST that may be repeated; one-byte characters. */
  readonly content?: string | undefined
  readonly signal: AbortSignal
  /** The URL for messages, redacted. */
  readonly shown: string
}

/** An answer whose body waits to be read, or given up. */
export interface HttpAnswer extends ResponseHead {
  /** The URL that answered, redacted. */
  readonly shown: string
  /** Once only. @param expected what else the head says about its length than by the framing; bytes */
  body(expected?: number): ByteFlow
}

/** Speaks HTTP/1.1, with one request at a time on each connection. */
export class HttpClient {
  readonly #limits: HttpSourceLimits
  readonly #clock: Clock
  readonly #pool: ConnectionPool

  constructor(connect: Connector, limits: HttpSourceLimits, clock: Clock) {
    this.#limits = limits
    this.#clock = clock
    this.#pool = new ConnectionPool(connect, limits, clock)
  }

  /** @throws DamselflyError USAGE, ORIGIN_FORBIDDEN; ProtocolError, errors of the connection, or the signal's reason */
  async request(request: HttpRequest): Promise<HttpAnswer> {
    const text = requestText(request.method, request.url, request.headers, request.content)
    for (let mayBeUsed = true; ; mayBeUsed = false) {
      const lease = await this.#pool.lease(request.url, mayBeUsed, request.signal)
      try {
        return await this.#ask(request, text, lease)
      } catch (error) {
        lease.end(0)
        // An origin may end a resting connection at the very moment when it is used again.
        if (!lease.isUsed || !(error instanceof UnansweredError)) throw error
      }
    }
  }

  /** Breaks what is under way. Idempotent. */
  async close(): Promise<void> {
    await this.#pool.close()
  }

  async #ask(request: HttpRequest, text: string, lease: Lease): Promise<HttpAnswer> {
    const { connection } = lease
    const { headersTimeoutMs: timeoutMs, maxHeaderBytes } = this.#limits
    connection.send(text)
    const head = await waitForAnswer({ connection, maxHeaderBytes, timeoutMs, clock: this.#clock, signal: request.signal })
    return this.#answer(request, head, framingOf(request.method, head), lease)
  }

  #answer({ signal, shown }: HttpRequest, head: ResponseHead, framing: Framing, lease: Lease): HttpAnswer {
    const { bodyIdleTimeoutMs: idleTimeoutMs, connectionRestMs } = this.#limits
    const restMs = reusableFor(head, framing, connectionRestMs)
    const body = (expected?: number): ByteFlow =>
      new HttpBody({
        connection: lease.connection,
        decoder: createBodyDecoder(framing),
        expected: expected ?? (framing.type === 'length' ? framing.length : undefined),
        clock: this.#clock,
        idleTimeoutMs,
        signal,
        shown,
        onEnd: (isWhole) => lease.end(isWhole ? restMs : 0),
      })
    return { ...head, shown, body }
  }
}
