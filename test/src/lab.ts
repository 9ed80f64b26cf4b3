import { chmod, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createFaultOrigin, type FaultOrigin, type FaultOriginInit } from '@damselfly/cdn/testing'
import { messageOf } from '@damselfly/shared'
import { Daemon } from './daemon.ts'
import { RunningDownload } from './download.ts'
import { LabNetwork, type LabHost, type LabNetworkInit } from './lab-network.ts'
import { Nginx, type NginxOptions } from './nginx.ts'
import { Program, readyLine, type ProgramName, type ProgramSettings } from './program.ts'
import { SmallDisk } from './small-disk.ts'
import { Supernode, type SupernodePorts } from './supernode.ts'

export interface SupernodeSettings {
  /** Of the lab's network. @default this machine */
  readonly host?: LabHost
  /** Configuration over the lab's own, as in the file. */
  readonly config?: Record<string, unknown>
  /** Over that of this process. */
  readonly env?: NodeJS.ProcessEnv
}

export interface DaemonSettings {
  /** Of the lab's network. @default this machine */
  readonly host?: LabHost
  /** `HOST:PORT` of each supernode. */
  readonly supernodes?: readonly string[]
  readonly config?: Record<string, unknown>
  /** Over that of this process. */
  readonly env?: NodeJS.ProcessEnv
}

/** A folder with real servers in it, on loopback and on ports of their own; `stop` leaves nothing behind. */
export class Lab {
  readonly directory: string
  readonly #running = new Set<Program>()
  readonly #servers = new Set<Nginx>()
  readonly #origins = new Set<FaultOrigin>()
  readonly #disks = new Set<SmallDisk>()
  readonly #networks = new Set<LabNetwork>()
  readonly #ports = new Map<string, SupernodePorts>()

  private constructor(directory: string) {
    this.directory = directory
  }

  static async create(): Promise<Lab> {
    const directory = await mkdtemp(join(tmpdir(), 'damselfly-lab-'))
    // Workers of servers may run as other users and must pass.
    await chmod(directory, 0o711)
    return new Lab(directory)
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

  /** An origin in this process that misbehaves as it is told. */
  async faultOrigin(init?: FaultOriginInit): Promise<FaultOrigin> {
    const origin = await createFaultOrigin(init)
    this.#origins.add(origin)
    return origin
  }

  /** An empty file system of its own below the lab's folder; for root only. @param bytes its size */
  async smallDisk(name: string, bytes: number, kind: 'memory' | 'ext4' = 'memory'): Promise<SmallDisk> {
    const disk = kind === 'memory' ? await SmallDisk.mount(this.path(name), bytes) : await SmallDisk.mountImage(this.path(name), bytes)
    this.#disks.add(disk)
    return disk
  }

  /** Other hosts than this one; for root only. */
  async network(init: LabNetworkInit): Promise<LabNetwork> {
    const network = await LabNetwork.create(init)
    this.#networks.add(network)
    return network
  }

  /** Started again under the same name it has its data, its identity and its ports again. */
  async supernode(name = 'supernode', settings: SupernodeSettings = {}): Promise<Supernode> {
    const dataDir = this.path(name)
    const { direct, libp2p, management } = this.#ports.get(name) ?? { direct: 0, libp2p: 0, management: 0 }
    const config = {
      dataDir,
      listen: { addresses: [addressOf(settings)], directPort: direct, libp2pPort: libp2p, plainPort: 0 },
      management: { addresses: ['127.0.0.1'], port: management },
      // On a network of hosts peers would have to be admitted, which most tests are not about.
      admission: { mode: 'open' },
      ...settings.config,
    }
    const program = this.own('supernode', ['--config', await this.#configFile(name, config)], surroundings(settings))
    const supernode = new Supernode(program, dataDir, await program.line(readyLine))
    this.#ports.set(name, supernode.ports)
    return supernode
  }

  /** Started again under the same name it has its data and its identity again. */
  async daemon(name: string, settings: DaemonSettings = {}): Promise<Daemon> {
    const dataDir = this.path(name)
    const socket = this.path(`${name}.sock`)
    const config = {
      dataDir,
      supernodes: settings.supernodes ?? [],
      listen: { addresses: [addressOf(settings)], directPort: 0, libp2pPort: 0, plainPort: 0 },
      api: { socket },
      mirror: { port: 0 },
      ...settings.config,
    }
    const program = this.own('dfdaemon', ['--config', await this.#configFile(name, config)], surroundings(settings))
    return new Daemon(program, socket, dataDir, await program.line(readyLine))
  }

  /** `dfget` with a home of its own, so that nothing of this machine leaks in. */
  dfget(args: readonly string[], settings: ProgramSettings = {}): Program {
    return this.own('dfget', args, { ...settings, env: { ...this.dfgetHome, ...settings.env } })
  }

  /** The environment that keeps a `dfget` inside the lab. */
  get dfgetHome(): NodeJS.ProcessEnv {
    const home = this.path('home')
    return { HOME: home, XDG_CACHE_HOME: join(home, '.cache'), XDG_RUNTIME_DIR: join(home, 'run') }
  }

  /** `dfget` through a daemon, told to report as JSON. */
  download(url: string, output: string, daemon: Daemon, args: readonly string[] = []): RunningDownload {
    return new RunningDownload(this.dfget([url, '-o', output, '--json', '--socket', daemon.socket, ...args]))
  }

  /** Any other program that shall not outlive the lab. */
  program(name: string, command: string, args: readonly string[], settings: ProgramSettings = {}): Program {
    const program = new Program(name, command, args, settings)
    this.#running.add(program)
    return program
  }

  /** One of our own programs with just these arguments. */
  own(name: ProgramName, args: readonly string[], settings: ProgramSettings = {}): Program {
    const program = Program.own(name, args, settings)
    this.#running.add(program)
    return program
  }

  /** What cannot be ended keeps nothing else from being ended. @throws AggregateError with all that was left */
  async stop(): Promise<void> {
    const steps: readonly (() => Iterable<Promise<unknown>>)[] = [
      () => Array.from(this.#running, async (program) => program.stop()),
      () => Array.from(this.#servers, async (server) => server.stop()),
      () => Array.from(this.#origins, async (origin) => origin.close()),
      () => Array.from(this.#disks, async (disk) => disk.unmount()),
      () => Array.from(this.#networks, async (network) => network.remove()),
      () => [rm(this.directory, { recursive: true, force: true })],
    ]
    const failures: unknown[] = []
    for (const step of steps) {
      const outcomes = await Promise.allSettled(step())
      for (const outcome of outcomes) if (outcome.status === 'rejected') failures.push(outcome.reason)
    }
    if (failures.length > 0) throw new AggregateError(failures, `the lab left something: ${failures.map(messageOf).join('; ')}`)
  }

  async #configFile(name: string, config: Record<string, unknown>): Promise<string> {
    const path = this.path(`${name}.yaml`)
    // JSON is YAML too.
    await writeFile(path, JSON.stringify(config, null, 2))
    return path
  }
}

interface Surroundings {
  readonly host?: LabHost
  readonly env?: NodeJS.ProcessEnv
}

function addressOf({ host }: Surroundings): string {
  return host?.address ?? '127.0.0.1'
}

function surroundings({ host, env }: Surroundings): ProgramSettings {
  return { ...(host !== undefined && { enter: host.enter }), ...(env !== undefined && { env }) }
}
