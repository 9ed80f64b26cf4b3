import { DamselflyError, errorFromWire, messageOf } from '@damselfly/shared'
import * as z from 'zod'

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
  readonly #token: string

  constructor(url: string, token: string) {
    this.#url = url
    this.#token = token
  }

  /** @throws DamselflyError with the code of the answer; SUPERNODE_UNREACHABLE; PROTOCOL */
  async get<T extends z.ZodType>(path: string, query: Readonly<Record<string, string | number | undefined>>, body: T): Promise<z.output<T>> {
    const url = new URL(path, this.#url)
    for (const [name, value] of Object.entries(query)) if (value !== undefined) url.searchParams.set(name, String(value))
    return this.#read(await this.#fetch(url, {}), body)
  }

  /** @param given the body, if there is one. @throws as `get` */
  async send<T extends z.ZodType>(method: 'POST' | 'DELETE', path: string, given: unknown, body: T): Promise<z.output<T>> {
    const init = given === undefined ? { method } : { method, headers: { 'content-type': 'application/json' }, body: JSON.stringify(given) }
    return this.#read(await this.#fetch(new URL(path, this.#url), init), body)
  }

  async #read<T extends z.ZodType>(response: Response, body: T): Promise<z.output<T>> {
    const answer = await jsonOf(response, this.#url)
    const failure = errorBody.safeParse(answer)
    if (!response.ok && failure.success) throw errorFromWire(failure.data.code, failure.data.message)
    const parsed = body.safeParse(answer)
    if (response.ok && parsed.success) return parsed.data
    throw new DamselflyError('PROTOCOL', `${this.#url} does not answer as a supernode's management API (status ${response.status})`)
  }

  async #fetch(url: URL, { headers, ...more }: RequestParts): Promise<Response> {
    try {
      // The token is for nobody else.
      const init = { redirect: 'error', headers: { ...headers, authorization: `Bearer ${this.#token}` } } as const
      return await fetch(url, { ...more, ...init, signal: AbortSignal.timeout(PATIENCE_MS) })
    } catch (error) {
      throw unreachable(this.#url, error)
    }
  }
}

async function jsonOf(response: Response, url: string): Promise<unknown> {
  let text: string
  try {
    text = await response.text()
  } catch (error) {
    throw unreachable(url, error)
  }
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

function unreachable(url: string, error: unknown): DamselflyError {
  const cause = error instanceof Error && error.cause !== undefined ? error.cause : error
  return new DamselflyError('SUPERNODE_UNREACHABLE', `the management API at ${url} does not answer: ${messageOf(cause)}`, { cause: error })
}
