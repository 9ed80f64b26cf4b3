import { redactUrl, type Clock } from '@damselfly/shared'
import { collectWithin } from '../collect-within.ts'
import { createConnector, type ConnectorInit } from './guarded-connector.ts'
import { HttpClient } from './http-client.ts'
import { requestError } from './http-errors.ts'
import { DEFAULT_HTTP_SOURCE_LIMITS } from './limits.ts'
import { OriginGate } from './origin-policy.ts'

export interface FormClientInit extends Partial<ConnectorInit> {
  /** Hosts that may be at private addresses. */
  readonly allow: readonly string[]
  readonly userAgent: string
  readonly clock: Clock
}

export interface FormAnswer {
  readonly status: number
  readonly body: Buffer
}

/** Sends forms, to public addresses and those that are allowed. Follows no redirects: what it sends are secrets. */
export class FormClient {
  readonly #init: FormClientInit
  readonly #client: HttpClient

  constructor(init: FormClientInit) {
    this.#init = init
    const { ca = [], insecure = [], identities = [], lookup, allow, clock } = init
    this.#client = new HttpClient(createConnector({ ca, insecure, identities, lookup }, new OriginGate(allow)), DEFAULT_HTTP_SOURCE_LIMITS, clock)
  }

  /**
   * @param limit of the answer; bytes
   * @throws DamselflyError ORIGIN_FORBIDDEN, ORIGIN_UNREACHABLE, ORIGIN_TLS, ORIGIN_STATUS; the signal's reason
   */
  async post(url: URL, form: URLSearchParams, limit: number, signal: AbortSignal): Promise<FormAnswer> {
    const shown = redactUrl(url.href)
    const headers = { 'user-agent': this.#init.userAgent, accept: 'application/json', 'content-type': 'application/x-www-form-urlencoded' }
    try {
      const answer = await this.#client.request({ method: 'POST', url, headers, content: form.toString(), signal, shown })
      return { status: answer.status, body: await collectWithin(answer.body(), limit, shown) }
    } catch (error) {
      signal.throwIfAborted()
      throw requestError(error, shown)
    }
  }

  /** Breaks what is under way. Idempotent. */
  async close(): Promise<void> {
    await this.#client.close()
  }
}
