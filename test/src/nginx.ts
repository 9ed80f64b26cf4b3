import { access, mkdir, readFile, writeFile } from 'node:fs/promises'
import { createServer, type AddressInfo } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { join } from 'node:path'
import type { LabNetwork } from './lab-network.ts'
import { Program } from './program.ts'

export const NGINX = '/usr/sbin/nginx'

export async function isInstalled(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    () => false,
  )
}

export interface OriginRequestLog {
  readonly method: string
  readonly path: string
  readonly status: number
  /** Bytes of the body that went out. */
  readonly bodyBytes: number
  readonly range: string
}

export interface NginxOptions {
  /** Bytes per second for each connection; 0: no limit. */
  readonly rate?: number
  /** On whose first host it runs, at every address of that one. @default this machine, at loopback */
  readonly network?: LabNetwork
}

/** A real nginx that serves the files of one folder and logs what it sent. */
export class Nginx {
  readonly root: string
  readonly #program: Program
  readonly #log: string
  readonly #address: string
  readonly port: number

  private constructor(root: string, program: Program, log: string, address: string, port: number) {
    this.root = root
    this.#program = program
    this.#log = log
    this.#address = address
    this.port = port
  }

  static async start(directory: string, { rate = 0, network }: NginxOptions = {}): Promise<Nginx> {
    const root = join(directory, 'www')
    const log = join(directory, 'access.log')
    const config = join(directory, 'nginx.conf')
    await mkdir(root, { recursive: true })
    const port = await freePort()
    await writeFile(config, configuration(directory, `${network === undefined ? '127.0.0.1' : '0.0.0.0'}:${port}`, rate))
    const program = new Program('nginx', NGINX, ['-p', directory, '-c', config, '-g', 'daemon off;'], {
      enter: network?.hosts[0]?.enter ?? [],
    })
    const nginx = new Nginx(root, program, log, network?.firstFromHere ?? '127.0.0.1', port)
    await nginx.#answers()
    return nginx
  }

  /** As this process reaches it. */
  url(path: string): string {
    return `http://${this.#address}:${this.port}/${path}`
  }

  /** What `measure` says of the master and its worker, together. */
  async cpuTime(measure: (pid: number) => Promise<number>): Promise<number> {
    const master = this.#program.pid
    const children = await readFile(`/proc/${master}/task/${master}/children`, 'utf8')
    const pids = [master, ...children.trim().split(' ').filter((pid) => pid !== '').map(Number)]
    return (await Promise.all(pids.map(measure))).reduce((sum, seconds) => sum + seconds, 0)
  }

  /** Every request so far, in the order of their ends; those for `path` only, if given. */
  async requests(path?: string): Promise<readonly OriginRequestLog[]> {
    const text = await readFile(this.#log, 'utf8').catch(() => '')
    const all = text.split('\n').filter((line) => line !== '').map((line) => JSON.parse(line) as OriginRequestLog)
    return path === undefined ? all : all.filter((request) => request.path === `/${path}`)
  }

  /** Body bytes sent for `path`, over all requests that have ended. */
  async bodyBytes(path: string): Promise<number> {
    return (await this.requests(path)).reduce((sum, { bodyBytes }) => sum + bodyBytes, 0)
  }

  async stop(): Promise<void> {
    await this.#program.stop()
  }

  async #answers(): Promise<void> {
    for (let tries = 0; tries < 200; tries++) {
      const response = await fetch(this.url('.lab-is-up')).catch(() => undefined)
      if (response !== undefined) return void (await response.text())
      if (!this.#program.isRunning) break
      // Nothing announces that nginx listens, so it is asked.
      await sleep(20)
    }
    throw new Error(`nginx does not answer: ${this.#program.stderr}`)
  }
}

function configuration(directory: string, listen: string, rate: number): string {
  return `
worker_processes 1;
pid ${directory}/nginx.pid;
error_log ${directory}/error.log warn;
events { worker_connections 1024; }
http {
  log_format lab escape=json '{"method":"$request_method","path":"$uri","status":$status,"bodyBytes":$body_bytes_sent,"range":"$http_range"}';
  access_log ${directory}/access.log lab;
  client_body_temp_path ${directory}/body;
  proxy_temp_path ${directory}/proxy;
  fastcgi_temp_path ${directory}/fastcgi;
  uwsgi_temp_path ${directory}/uwsgi;
  scgi_temp_path ${directory}/scgi;
  sendfile on;
  tcp_nopush on;
  server {
    listen ${listen};
    root ${directory}/www;
    limit_rate ${rate};
  }
}
`
}

/** A port that was free a moment ago. */
export async function freePort(): Promise<number> {
  const server = createServer()
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  await new Promise((resolve) => server.close(resolve))
  return port
}
