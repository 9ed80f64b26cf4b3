import { execFile } from 'node:child_process'
import { DamselflyError, messageOf, readIfThere, type Clock } from '@damselfly/shared'
import * as z from 'zod'
import { createMemory } from '../fetch-once/memory.ts'
import { canonicalName } from './registries.ts'
import { basicLogin, nameAndPassword, type RegistryLogin } from './registry-login.ts'

const entry = z.object({
  auth: z.string().optional(),
  username: z.string().optional(),
  password: z.string().optional(),
  identitytoken: z.string().optional(),
  registrytoken: z.string().optional(),
})
const configSchema = z.object({
  auths: z.record(z.string(), entry).optional(),
  credHelpers: z.record(z.string(), z.string()).optional(),
  credsStore: z.string().optional(),
})
const helperAnswer = z.object({ Username: z.string(), Secret: z.string() })

type DockerConfig = z.output<typeof configSchema>

/** Under which Docker keeps the login of its Hub. */
const DOCKER_HUB_KEY = 'https://index.docker.io/v1/'

/** What a helper says in the place of a name when its secret is an identity token. */
const TOKEN_USER = '<token>'

/** Helpers are looked for on the path, so what names one must be no path. */
const HELPER_NAME = /^[\w.-]+$/

/** A helper may ask a service elsewhere; milliseconds. */
const HELPER_TIMEOUT = 10_000
const MAX_ANSWER_BYTES = 64 * 1024

/** Helpers are slow, and passwords change seldom; milliseconds. */
const MEMORY_MS = 60_000
const MOST_REGISTRIES = 256

interface Found {
  readonly login: RegistryLogin | undefined
}

/** Logins as Docker keeps them: in its `config.json` and with the helpers that it names. */
export class DockerLogins {
  readonly #path: string
  readonly #known

  /** @param path of the `config.json`; it need not exist yet */
  constructor(path: string, clock: Clock) {
    this.#path = path
    this.#known = createMemory<Found>(MOST_REGISTRIES, MEMORY_MS, clock)
  }

  /** @throws DamselflyError CONFIG_INVALID when the file or a helper's answer cannot be understood */
  async of(registry: string): Promise<RegistryLogin | undefined> {
    const name = canonicalName(registry)
    const known = this.#known.get(name)
    if (known !== undefined) return known.login
    const login = await this.#find(name)
    this.#known.set(name, { login })
    return login
  }

  async #find(name: string): Promise<RegistryLogin | undefined> {
    const config = await this.#read()
    const keys = keysOf(name)
    const helper = keys.map((key) => config.credHelpers?.[key]).find((one) => one !== undefined) ?? config.credsStore
    const helped = helper === undefined ? undefined : await askHelper(helper, keys[0] ?? name)
    return helped ?? loginIn(config, keys)
  }

  async #read(): Promise<DockerConfig> {
    try {
      const text = await readIfThere(this.#path)
      return text === undefined ? {} : configSchema.parse(JSON.parse(text))
    } catch (error) {
      throw new DamselflyError('CONFIG_INVALID', `${this.#path} is not what Docker writes: ${messageOf(error)}`, { cause: error })
    }
  }
}

function keysOf(name: string): readonly string[] {
  const plain = [name, `https://${name}`, `http://${name}`, `https://${name}/v1/`, `https://${name}/v2/`]
  return name === 'docker.io' ? [DOCKER_HUB_KEY, ...plain, 'index.docker.io', 'registry-1.docker.io'] : plain
}

function loginIn({ auths = {} }: DockerConfig, keys: readonly string[]): RegistryLogin | undefined {
  const found = keys.map((key) => auths[key]).find((one) => one !== undefined)
  if (found === undefined) return undefined
  const { identitytoken, registrytoken, auth, username, password } = found
  if (registrytoken !== undefined && registrytoken !== '') return { type: 'bearer', token: soundToken(registrytoken) }
  if (identitytoken !== undefined && identitytoken !== '') return { type: 'identity-token', token: soundToken(identitytoken) }
  if (username !== undefined && password !== undefined) return basicLogin(username, password)
  const own = nameAndPassword(`Basic ${auth ?? ''}`)
  return own === undefined ? undefined : basicLogin(own.username, own.password)
}

/** It goes into a header. @throws DamselflyError CONFIG_INVALID */
function soundToken(token: string): string {
  if (/^[\x20-\x7e]+$/.test(token)) return token
  throw new DamselflyError('CONFIG_INVALID', 'Docker keeps a token for this registry that has other characters than tokens can have')
}

/** @returns undefined when it has none for this registry */
async function askHelper(name: string, server: string): Promise<RegistryLogin | undefined> {
  if (!HELPER_NAME.test(name)) throw new DamselflyError('CONFIG_INVALID', `'${name}' cannot be the name of a credential helper`)
  const program = `docker-credential-${name}`
  const { output, error } = await new Promise<{ output: string; error: Error | null }>((resolve) => {
    const child = execFile(program, ['get'], { timeout: HELPER_TIMEOUT, maxBuffer: MAX_ANSWER_BYTES }, (failure, stdout) =>
      resolve({ output: stdout, error: failure }),
    )
    // One that ends early need not read what it is asked.
    child.stdin?.on('error', () => undefined).end(server)
  })
  if (error !== null) {
    if (/credentials not found/i.test(output)) return undefined
    throw new DamselflyError('CONFIG_INVALID', `${program} gives no login for ${server}: ${output.trim() || error.message}`)
  }
  const answer = helperAnswer.safeParse(parseJson(output)).data
  if (answer === undefined) throw new DamselflyError('CONFIG_INVALID', `${program} answered what cannot be understood`)
  return answer.Username === TOKEN_USER ? { type: 'identity-token', token: soundToken(answer.Secret) } : basicLogin(answer.Username, answer.Secret)
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}
