import { spawn, spawnSync, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'

const PROGRAM = 'docker-registry'
/** Of the log, kept so that a failing start can be explained; lines. */
const KEPT_LINES = 50

/** The program that is missing for {@link DockerRegistry}, if it is; a test skips itself then. */
export function whyNoDockerRegistry(): string | undefined {
  return spawnSync(PROGRAM, ['--version']).error === undefined ? undefined : `${PROGRAM} is not installed`
}

/** An answer of the registry, by its own access log. */
export interface RegistryAnswer {
  readonly method: string
  /** With the query. */
  readonly path: string
  readonly status: number
  /** Of the body. */
  readonly bytes: number
}

export interface DockerRegistryInit {
  /** Sections of its configuration over the usual ones, such as `auth`. */
  readonly config?: Readonly<Record<string, unknown>> | undefined
  /** PEM files; it speaks HTTPS then. */
  readonly tls?: { readonly certificate: string; readonly key: string } | undefined
}

/** A real registry for tests: Docker's own, at a free port of loopback, with a folder of its own. */
export class DockerRegistry {
  /** `HOST:PORT`, as image references have it. */
  readonly name: string
  /** Without a slash at the end. */
  readonly url: string
  readonly #process: ChildProcess
  readonly #folder: string
  readonly #answers: RegistryAnswer[]

  private constructor(name: string, url: string, process: ChildProcess, folder: string, answers: RegistryAnswer[]) {
    this.name = name
    this.url = url
    this.#process = process
    this.#folder = folder
    this.#answers = answers
  }

  /** @throws when it does not start, with what it logged */
  static async start({ config, tls }: DockerRegistryInit = {}): Promise<DockerRegistry> {
    const folder = await mkdtemp(join(tmpdir(), 'damselfly-registry-'))
    const file = join(folder, 'registry.json')
    // JSON is YAML too.
    await writeFile(file, JSON.stringify({ ...usualConfig(folder, tls), ...config }))
    const child = spawn(PROGRAM, ['serve', file], { stdio: ['ignore', 'pipe', 'pipe'] })
    const answers: RegistryAnswer[] = []
    try {
      const name = await listening(child, answers)
      return new DockerRegistry(name, `${tls === undefined ? 'http' : 'https'}://${name}`, child, folder, answers)
    } catch (error) {
      await end(child, folder)
      throw error
    }
  }

  /** In the order in which they ended. */
  get answers(): readonly RegistryAnswer[] {
    return this.#answers
  }

  /** Ends it and removes what it stored. */
  async stop(): Promise<void> {
    await end(this.#process, this.#folder)
  }
}

function usualConfig(folder: string, tls: DockerRegistryInit['tls']): Record<string, unknown> {
  return {
    version: '0.1',
    log: { level: 'info', formatter: 'json', accesslog: { disabled: true } },
    storage: { filesystem: { rootdirectory: join(folder, 'data') }, delete: { enabled: true } },
    http: { addr: '127.0.0.1:0', ...(tls !== undefined && { tls }) },
  }
}

/** @returns where it listens; what it logs later is read on */
async function listening(child: ChildProcess, answers: RegistryAnswer[]): Promise<string> {
  const { stdout, stderr } = child
  if (stdout === null || stderr === null) throw new Error('The process has no output')
  stdout.resume()
  const ready = Promise.withResolvers<string>()
  const log: string[] = []
  const lines = createInterface({ input: stderr })
  lines.on('line', (line) => {
    if (log.push(line) > KEPT_LINES) log.shift()
    const entry = readEntry(line)
    const address = /^listening on ([^,]+)/.exec(messageOf(entry))?.[1]
    if (address !== undefined) ready.resolve(address)
    const answer = answerOf(entry)
    if (answer !== undefined) answers.push(answer)
  })
  child.once('error', ready.reject)
  lines.once('close', () => ready.reject(new Error(`The registry does not start: ${log.join('\n')}`)))
  return await ready.promise
}

function readEntry(line: string): Readonly<Record<string, unknown>> {
  return line.startsWith('{') ? (JSON.parse(line) as Record<string, unknown>) : {}
}

function messageOf({ msg }: Readonly<Record<string, unknown>>): string {
  return typeof msg === 'string' ? msg : ''
}

function answerOf(entry: Readonly<Record<string, unknown>>): RegistryAnswer | undefined {
  const status = entry['http.response.status']
  if (entry['msg'] !== 'response completed' || typeof status !== 'number') return undefined
  return {
    method: String(entry['http.request.method']),
    path: String(entry['http.request.uri']),
    status,
    bytes: Number(entry['http.response.written'] ?? 0),
  }
}

async function end(child: ChildProcess, folder: string): Promise<void> {
  if (child.exitCode === null && child.signalCode === null && child.pid !== undefined) {
    const ended = once(child, 'exit')
    // At once: what it stores is removed next.
    child.kill('SIGKILL')
    await ended
  }
  await rm(folder, { recursive: true, force: true })
}
