import { access, mkdir, readFile, writeFile } from 'node:fs/promises'
import { createServer, type AddressInfo } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { join } from 'node:path'
import type { TestCertificate } from '@damselfly/cdn/testing'
import type { LabNetwork } from './lab-network.ts'
import { Program } from './program.ts'

export const NGINX = '/usr/sbin/nginx'

/** How long it may take until it answers, on a machine that is busy; milliseconds. */
const START_LIMIT = 30_000

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
  /** Answers over TLS 1.3 too, on a port of its own. @default none */
  readonly certificate?: TestCertificate
}

/** Where an nginx listens besides its first port. */
interface TlsPort {
  readonly port: number
  /** The lines of its configuration. */
  readonly lines: string
}

/** A real nginx that serves the files of one folder and logs what it sent. */
export class Nginx {
  readonly root: string
  readonly #program: Program
  readonly #log: string
  readonly #address: string
  readonly port: number
  readonly #tlsPort: number

  private constructor(root: string, program: Program, log: string, address: string, port: number, tlsPort: number) {
    this.root = root
    this.#program = program
    this.#log = log
    this.#address = address
    this.port = port
    this.#tlsPort = tlsPort
  }

  static async start(directory: string, { rate = 0, network, certificate }: NginxOptions = {}): Promise<Nginx> {
    const root = join(directory, 'www')
    const log = join(directory, 'access.log')
    const config = join(directory, 'nginx.conf')
    await mkdir(root, { recursive: true })
    const port = await freePort()
    const address = network === undefined ? '127.0.0.1' : '0.0.0.0'
    const tls = certificate === undefined ? undefined : await configureTls(directory, address, certificate)
    await writeFile(config, configuration(directory, `${address}:${port}`, rate, tls?.lines ?? ''))
    const program = new Program('nginx', NGINX, ['-p', directory, '-c', config, '-g', 'daemon off;'], {
      enter: network?.hosts[0]?.enter ?? [],
    })
    const nginx = new Nginx(root, program, log, network?.firstFromHere ?? '127.0.0.1', port, tls?.port ?? 0)
    try {
      await nginx.#answers()
    } catch (error) {
      await nginx.stop()
      throw error
    }
    return nginx
  }

  /** As this process reaches it. */
  url(path: string): string {
    return `http://${this.#address}:${this.port}/${path}`
  }

  /** The same over TLS; only with a certificate. */
  tlsUrl(path: string): string {
    return `https://${this.#address}:${this.#tlsPort}/${path}`
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
    const deadline = performance.now() + START_LIMIT
    let last: unknown
    // Nothing announces that nginx listens, so it is asked.
    for (; performance.now() < deadline && this.#program.isRunning; await sleep(20)) {
      const response = await fetch(this.url('.lab-is-up'), { signal: AbortSignal.timeout(1000) }).catch((error: unknown) => {
        last = error
        return undefined
      })
      if (response !== undefined) return void (await response.text())
    }
    const state = this.#program.isRunning ? 'runs' : 'has ended'
    throw new Error(`nginx ${state} and does not answer at ${this.url('')}: ${this.#program.stderr}`, { cause: last })
  }
}

async function configureTls(directory: string, address: string, { key, cert }: TestCertificate): Promise<TlsPort> {
  const port = await freePort()
  const [keyFile, certFile] = [join(directory, 'key.pem'), join(directory, 'cert.pem')]
  await writeFile(keyFile, key, { mode: 0o600 })
  await writeFile(certFile, cert)
  const lines = `
    listen ${address}:${port} ssl;
    ssl_certificate ${certFile};
    ssl_certificate_key ${keyFile};
    ssl_protocols TLSv1.3;
    ssl_conf_command Ciphersuites TLS_AES_128_GCM_SHA256:TLS_CHACHA20_POLY1305_SHA256;`
  return { port, lines }
}

function configuration(directory: string, listen: string, rate: number, tls: string): string {
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
    listen ${listen};${tls}
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
