import { DamselflyError, errorFromWire } from '@damselfly/shared'
import * as z from 'zod'
import { connectionFailure } from './connection-failure.ts'
import { exchangeHttp, type HttpAnswer } from './exchange-http.ts'
import { secureOptions, type SecureConnectionInit, type SecureOptions } from './secure-connection.ts'

/** How a supernode is believed that speaks HTTPS. */
export type ClientTrust = Omit<SecureConnectionInit, 'patienceMs'>

/** For one answer; milliseconds. */
const PATIENCE_MS = 30_000

const errorBody = z.object({ code: z.string(), message: z.string() })

/** What a request says beside where it goes. */
interface RequestParts {
  readonly method?: string
  readonly headers?: Readonly<Record<string, string>>
  readonly body?: string
}

/** Asks one supernode's management API. */
export class ManagementClient {
  readonly #url: string
  readonly #token: string | undefined
  readonly #trust: ClientTrust
  #secure: Promise<SecureOptions> | undefined

  /** @param token undefined: a client certificate says who asks */
  constructor(url: string, token: string | undefined, trust: ClientTrust = { localCas: [] }) {
    this.#url = url
    this.#token = token
    this.#trust = trust
  }

  /** @throws DamselflyError with the code of the answer; SUPERNODE_UNREACHABLE; PROTOCOL */
  async get<T extends z.ZodType>(path: string, query: Readonly<Record<string, string | number | undefined>>, body: T): Promise<z.output<T>> {
    const url = new URL(path, this.#url)
    for (const [name, value] of Object.entries(query)) if (value !== undefined) url.searchParams.set(name, String(value))
    return this.#read(await this.#ask(url, {}), body)
  }

  /** @param given the body, if there is one. @throws as `get` */
  async send<T extends z.ZodType>(method: 'POST' | 'DELETE', path: string, given: unknown, body: T): Promise<z.output<T>> {
    const init = given === undefined ? { method } : { method, headers: { 'content-type': 'application/json' }, body: JSON.stringify(given) }
    return this.#read(await this.#ask(new URL(path, this.#url), init), body)
  }

  #read<T extends z.ZodType>({ status, text }: HttpAnswer, body: T): z.output<T> {
    const answer = jsonOf(text)
    const isOk = status >= 200 && status < 300
    const failure = errorBody.safeParse(answer)
    if (!isOk && failure.success) throw errorFromWire(failure.data.code, failure.data.message)
    const parsed = body.safeParse(answer)
    if (isOk && parsed.success) return parsed.data
    throw new DamselflyError('PROTOCOL', `${this.#url} does not answer as a supernode's management API (status ${status})`)
  }

  /** The token goes to this host and nowhere else: no redirect is followed. */
  async #ask(url: URL, { method = 'GET', headers, body }: RequestParts): Promise<HttpAnswer> {
    try {
      const authorization = this.#token === undefined ? {} : { authorization: `Bearer ${this.#token}` }
      return await exchangeHttp({ url, method, headers: { ...headers, ...authorization }, body, secure: await this.#secureOptions(), patienceMs: PATIENCE_MS })
    } catch (error) {
      throw connectionFailure(this.#url, error)
    }
  }

  async #secureOptions(): Promise<SecureOptions> {
    const url = new URL(this.#url)
    if (url.protocol === 'http:') return {}
    this.#secure ??= secureOptions(url, { ...this.#trust, patienceMs: PATIENCE_MS })
    return await this.#secure
  }
}

function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}
