import { spawn, type ChildProcess } from 'node:child_process'
import { access, mkdtemp, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { endServer } from '../end-server.ts'
import { answerIn, type RegistryAnswer } from './access-log.ts'
import type { TestCertificate } from '../self-signed.ts'

const PROGRAM = '/usr/bin/docker-registry'
/** Of the log, kept so that a failing start can be explained; lines. */
const KEPT_LINES = 40

/** Whom a registry with passwords lets in; the hash is of `secret`. */
export const REGISTRY_USER = { username: 'tester', password: 'secret' }
const PASSWORD_FILE = 'tester:$2b$04$7R0KSWiWS8JDwPwKF3JF/Occ2Q0FuX/TLpLwEzI/xF9dMFzXLcyfm\n'

export interface RegistryServerInit {
  /** Where contents are kept, for the next server to have them too. @default a folder of its own */
  readonly storage?: string | undefined
  readonly tls?: TestCertificate | undefined
  /** Another host than this one, such as a network namespace: what it is reached by, and what comes before a command so that it runs there. */
  readonly host?: { readonly address: string; readonly enter: readonly string[] } | undefined
  /** @default nobody has to log in */
  readonly auth?:
    | { readonly type: 'passwords' }
    /** @param bundle PEM of the certificates that sign tokens */
    | { readonly type: 'tokens'; readonly realm: string; readonly service: string; readonly issuer: string; readonly bundle: string }
    | undefined
}

/** The program that is missing for {@link RegistryServer}, if it is; a test skips itself then. */
export async function whyNoRegistryServer(): Promise<string | undefined> {
  return await access(PROGRAM).then(() => undefined, () => `${PROGRAM} is not installed`)
}

/** A real registry for tests (docker-registry), at a free port of loopback unless it is told another address. */
export class RegistryServer {
  /** `127.0.0.1:port`, or at the address that was given */
  readonly authority: string
  /** In the order in which they ended. */
  readonly answers: readonly RegistryAnswer[]
  readonly #process: ChildProcess
  readonly #folder: string

  private constructor(authority: string, answers: readonly RegistryAnswer[], process: ChildProcess, folder: string) {
    this.authority = authority
    this.answers = answers
    this.#process = process
    this.#folder = folder
  }

  /** @throws when it does not start, with what it logged */
  static async start(init: RegistryServerInit = {}): Promise<RegistryServer> {
    const folder = await mkdtemp(join(tmpdir(), 'damselfly-registry-'))
    const config = join(folder, 'registry.json')
    // YAML reads JSON too.
    await writeFile(config, JSON.stringify(await configOf(init, folder)))
    const [program, ...args] = [...(init.host?.enter ?? []), PROGRAM, 'serve', config]
    const process = spawn(program, args, { stdio: ['ignore', 'ignore', 'pipe'] })
    const answers: RegistryAnswer[] = []
    try {
      return new RegistryServer(await listening(process, answers), answers, process, folder)
    } catch (error) {
      await endServer(process, folder)
      throw error
    }
  }

  /** Ends it and removes what is its own. */
  async stop(): Promise<void> {
    await endServer(this.#process, this.#folder)
  }
}

async function configOf({ storage, tls, auth, host }: RegistryServerInit, folder: string): Promise<Record<string, unknown>> {
  const file = async (name: string, text: string): Promise<string> => {
    await writeFile(join(folder, name), text)
    return join(folder, name)
  }
  const http = {
    addr: `${host?.address ?? '127.0.0.1'}:0`,
    secret: 'of-the-tests',
    ...(tls === undefined ? {} : { tls: { certificate: await file('cert.pem', tls.cert), key: await file('key.pem', tls.key) } }),
  }
  const common = { version: 0.1, log: { level: 'info', formatter: 'json', accesslog: { disabled: true } }, storage: { filesystem: { rootdirectory: storage ?? join(folder, 'data') } }, http }
  if (auth === undefined) return common
  if (auth.type === 'passwords') return { ...common, auth: { htpasswd: { realm: 'test', path: await file('passwords', PASSWORD_FILE) } } }
  const { realm, service, issuer, bundle } = auth
  return { ...common, auth: { token: { realm, service, issuer, rootcertbundle: await file('bundle.pem', bundle) } } }
}

/** @param answers where those go that the registry gives later */
async function listening({ stderr }: ChildProcess, answers: RegistryAnswer[]): Promise<string> {
  if (stderr === null) throw new Error('The process has no output')
  const found = Promise.withResolvers<string>()
  const log: string[] = []
  // Read to the end of the process, which would wait for a reader otherwise.
  const lines = createInterface({ input: stderr })
  lines.on('line', (line) => {
    const [, authority] = /listening on (\d+(?:\.\d+){3}:\d+)/.exec(line) ?? []
    if (authority !== undefined) found.resolve(authority)
    const answer = answerIn(line)
    if (answer !== undefined) answers.push(answer)
    if (log.push(line) > KEPT_LINES) log.shift()
  })
  lines.once('close', () => found.reject(new Error(`The registry does not start: ${log.join('\n')}`)))
  return await found.promise
}
