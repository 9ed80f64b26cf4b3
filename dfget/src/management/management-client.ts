import { readFile } from 'node:fs/promises'
import { homedir } from 'node:os'
import { isAbsolute, join } from 'node:path'
import { DamselflyError, diskError, errorFromWire, messageOf, systemCode } from '@damselfly/shared'
import * as z from 'zod'
import type { Environment } from '../load-settings.ts'
import type { Settings } from '../settings.ts'

/** For one answer; milliseconds. */
const PATIENCE_MS = 30_000

/** Where a supernode that runs as a service keeps its admin token. */
const SYSTEM_TOKEN_FILE = '/var/lib/damselfly/supernode/admin-token'

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

  private constructor(url: string, token: string) {
    this.#url = url
    this.#token = token
  }

  /** @throws DamselflyError CONFIG_INVALID, DISK_DENIED, DISK_FAILED when there is no token to be read */
  static async open({ url, tokenFile }: Settings['management'], env: Environment): Promise<ManagementClient> {
    return new ManagementClient(url, await readToken(tokenFile, env))
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

async function readToken(named: string | undefined, env: Environment): Promise<string> {
  const candidates = named === undefined ? [ownTokenFile(env), SYSTEM_TOKEN_FILE] : [named]
  for (const path of candidates) {
    try {
      return (await readFile(path, 'utf8')).trim()
    } catch (error) {
      if (systemCode(error) !== 'ENOENT') throw diskError(error, `read the admin token in ${path}`)
    }
  }
  throw new DamselflyError('CONFIG_INVALID', `there is no admin token in ${candidates.join(' or ')}; name its file with --token-file`)
}

/** Where a supernode of the same user keeps it. */
function ownTokenFile({ XDG_DATA_HOME: base }: Environment): string {
  const data = base !== undefined && isAbsolute(base) ? base : join(homedir(), '.local', 'share')
  return join(data, 'damselfly', 'supernode', 'admin-token')
}
