import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Daemon } from './daemon.ts'
import { Nginx, type NginxOptions } from './nginx.ts'
import { Program, readyLine } from './program.ts'
import { Supernode } from './supernode.ts'

export interface SupernodeSettings {
  /** Configuration over the lab's own, as in the file. */
  readonly config?: Record<string, unknown>
}

export interface DaemonSettings {
  /** `HOST:PORT` of each supernode. */
  readonly supernodes?: readonly string[]
  readonly config?: Record<string, unknown>
}

/** A folder with real servers in it, on loopback and on ports of their own; `stop` leaves nothing behind. */
export class Lab {
  readonly directory: string
  readonly #running = new Set<Program>()
  readonly #servers = new Set<Nginx>()

  private constructor(directory: string) {
    this.directory = directory
  }

  static async create(): Promise<Lab> {
    return new Lab(await mkdtemp(join(tmpdir(), 'damselfly-lab-')))
  }

  path(...parts: string[]): string {
    return join(this.directory, ...parts)
  }

  async nginx(options?: NginxOptions): Promise<Nginx> {
    const directory = this.path(`nginx-${this.#servers.size}`)
    await mkdir(directory)
    const nginx = await Nginx.start(directory, options)
    this.#servers.add(nginx)
    return nginx
  }

  /** Started again under the same name it has its data, its identity and its ports again. */
  async supernode(name = 'supernode', settings: SupernodeSettings = {}): Promise<Supernode> {
    const dataDir = this.path(name)
    const previous = Supernode.previous(dataDir)
    const config = { dataDir, logLevel: 'info', ...Supernode.listening(previous), ...settings.config }
    const program = Program.own('supernode', ['--config', await this.#configFile(name, config)])
    this.#running.add(program)
    return Supernode.of(program, dataDir, await program.line(readyLine))
  }

  /** Started again under the same name it has its data and its identity again. */
  async daemon(name: string, settings: DaemonSettings = {}): Promise<Daemon> {
    const dataDir = this.path(name)
    const config = {
      dataDir,
      logLevel: 'info',
      supernodes: settings.supernodes ?? [],
      listen: { hosts: ['127.0.0.1'], direct: 0, libp2p: 0, plain: 0 },
      api: { socket: this.path(`${name}.sock`) },
      ...settings.config,
    }
    const program = Program.own('dfdaemon', ['--config', await this.#configFile(name, config)])
    this.#running.add(program)
    await program.line(readyLine)
    return new Daemon(program, this.path(`${name}.sock`), dataDir)
  }

  /** `dfget` with a home of its own, so that nothing of this machine leaks in. */
  dfget(args: readonly string[], env: NodeJS.ProcessEnv = {}): Program {
    const home = this.path('home')
    const program = Program.own('dfget', args, {
      HOME: home,
      XDG_CACHE_HOME: join(home, '.cache'),
      XDG_RUNTIME_DIR: join(home, 'run'),
      ...env,
    })
    this.#running.add(program)
    return program
  }

  /** Any other program that shall not outlive the lab. */
  program(name: string, command: string, args: readonly string[], env: NodeJS.ProcessEnv = {}): Program {
    const program = new Program(name, command, args, env)
    this.#running.add(program)
    return program
  }

  async stop(): Promise<void> {
    await Promise.all([...this.#running].map((program) => program.stop()))
    await Promise.all([...this.#servers].map((server) => server.stop()))
    await rm(this.directory, { recursive: true, force: true })
  }

  async #configFile(name: string, config: Record<string, unknown>): Promise<string> {
    const path = this.path(`${name}.yaml`)
    // JSON is YAML too.
    await writeFile(path, JSON.stringify(config, null, 2))
    return path
  }
}
