import { once } from 'node:events'
import { createServer as createHttpServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import { createServer as createTlsServer } from 'node:https'
import { isIPv6, type AddressInfo } from 'node:net'
import { answer } from './origin-answer.ts'
import type { OriginContent } from './origin-content.ts'
import { OriginRecord, type OriginStats } from './origin-record.ts'
import { selfSignedCertificate, type TestCertificate } from './self-signed.ts'

export interface FaultOriginInit {
  /** @default 127.0.0.1 */
  readonly host?: string | undefined
  /** With a self-signed certificate. @default false */
  readonly tls?: boolean | undefined
  /** @default any free one */
  readonly port?: number | undefined
}

/** A real HTTP server that misbehaves as told and counts what it sends. */
export interface FaultOrigin {
  /** `127.0.0.1:port`, as an allow rule. */
  readonly authority: string
  /** PEM certificates to trust it by; empty without TLS. */
  readonly ca: readonly string[]
  url(path: string): string
  /** Serves `content` at `path`, from now on; what was counted stays. @returns its URL */
  add(path: string, content: OriginContent): string
  remove(path: string): void
  stats(path: string): OriginStats
  /** Resolves when what was counted is as wanted. */
  when(path: string, wanted: (stats: OriginStats) => boolean): Promise<OriginStats>
  /** Lets answers go on that `pauseAfter` holds. */
  resume(path: string): void
  /** Breaks all connections. Idempotent. */
  close(): Promise<void>
}

export async function createFaultOrigin(init: FaultOriginInit = {}): Promise<FaultOrigin> {
  const certificate = init.tls === true ? await selfSignedCertificate() : undefined
  const origin = new MisbehavingOrigin(init.host ?? '127.0.0.1', certificate)
  await origin.listen(init.port ?? 0)
  return origin
}

class MisbehavingOrigin implements FaultOrigin {
  readonly ca: readonly string[]
  readonly #host: string
  readonly #scheme: string
  readonly #server: Server
  readonly #contents = new Map<string, OriginContent>()
  readonly #records = new Map<string, OriginRecord>()

  constructor(host: string, certificate: TestCertificate | undefined) {
    const serve = (request: IncomingMessage, response: ServerResponse): void => this.#serve(request, response)
    this.#host = host
    this.#scheme = certificate === undefined ? 'http' : 'https'
    this.#server = certificate === undefined ? createHttpServer(serve) : createTlsServer(certificate, serve)
    this.ca = certificate === undefined ? [] : [certificate.cert]
  }

  get authority(): string {
    const { port } = this.#server.address() as AddressInfo
    return isIPv6(this.#host) ? `[${this.#host}]:${port}` : `${this.#host}:${port}`
  }

  async listen(port: number): Promise<void> {
    this.#server.listen(port, this.#host)
    await once(this.#server, 'listening')
  }

  url(path: string): string {
    return `${this.#scheme}://${this.authority}${path}`
  }

  add(path: string, content: OriginContent): string {
    this.#contents.set(path, content)
    this.#record(path).rearm()
    return this.url(path)
  }

  remove(path: string): void {
    this.#contents.delete(path)
  }

  stats(path: string): OriginStats {
    return this.#record(path).stats
  }

  when(path: string, wanted: (stats: OriginStats) => boolean): Promise<OriginStats> {
    return this.#record(path).when(wanted)
  }

  resume(path: string): void {
    this.#record(path).resume()
  }

  async close(): Promise<void> {
    if (!this.#server.listening) return
    const closed = once(this.#server, 'close')
    this.#server.close()
    this.#server.closeAllConnections()
    await closed
  }

  #serve(request: IncomingMessage, response: ServerResponse): void {
    const path = (request.url ?? '/').replace(/\?.*$/s, '')
    const record = this.#record(path)
    record.countRequest(request.method === 'HEAD', request.headers)
    response.once('close', () => record.countEnd())
    // A client that goes away in the middle is no failure of the origin.
    answer(request, response, this.#current(path, record), record).catch(() => response.destroy())
  }

  #current(path: string, record: OriginRecord): OriginContent {
    let content = this.#contents.get(path) ?? { status: 404 }
    while (content.later !== undefined && record.stats.gets > content.later.after) content = content.later.content
    return content
  }

  #record(path: string): OriginRecord {
    let record = this.#records.get(path)
    if (record === undefined) this.#records.set(path, (record = new OriginRecord()))
    return record
  }
}
