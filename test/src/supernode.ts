import { readFile } from 'node:fs/promises'
import { isIPv6 } from 'node:net'
import { join } from 'node:path'
import type { Program } from './program.ts'

export interface SupernodePorts {
  readonly direct: number
  readonly libp2p: number
  readonly management: number
}

interface Endpoint {
  readonly kind: string
  readonly host: string
  readonly port: number
}

/** A running supernode on loopback. */
export class Supernode {
  readonly program: Program
  readonly dataDir: string
  readonly ports: SupernodePorts
  /** Those for peers, of every kind, and the management API's. */
  readonly allPorts: readonly number[]
  readonly peerId: string
  /** The management API's base URL. */
  readonly url: string
  /** All that it says of itself when it is ready. */
  readonly ready: Readonly<Record<string, unknown>>
  readonly #host: string

  constructor(program: Program, dataDir: string, ready: Record<string, unknown>) {
    this.program = program
    this.ready = ready
    this.dataDir = dataDir
    this.peerId = String(ready['peerId'])
    const endpoints = ready['endpoints'] as readonly Endpoint[]
    const portOf = (kind: string): number => endpoints.find((endpoint) => endpoint.kind === kind)?.port ?? 0
    const [management] = ready['management'] as readonly string[]
    this.url = String(management)
    const host = endpoints[0]?.host ?? ''
    this.#host = isIPv6(host) ? `[${host}]` : host
    this.ports = { direct: portOf('direct'), libp2p: portOf('libp2p'), management: Number(new URL(this.url).port) }
    this.allPorts = [...endpoints.map(({ port }) => port), this.ports.management]
  }

  /** As a peer is told of it. */
  get address(): string {
    return `${this.#host}:${this.ports.direct}`
  }

  /** The same over libp2p. */
  get libp2pAddress(): string {
    return `libp2p://${this.#host}:${this.ports.libp2p}`
  }

  /** What the management API wants to be shown. */
  async adminToken(): Promise<string> {
    return (await readFile(join(this.dataDir, 'admin-token'), 'utf8')).trim()
  }

  /** An answer of the management API. */
  async get<T>(path: string): Promise<T> {
    return this.send('GET', path)
  }

  /** The same for any method. @throws when it is refused, with all that was answered */
  async send<T>(method: string, path: string, body?: unknown): Promise<T> {
    const type = body === undefined ? {} : { 'content-type': 'application/json' }
    const headers = { authorization: `Bearer ${await this.adminToken()}`, ...type }
    const response = await fetch(`${this.url}${path}`, { method, headers, ...(body === undefined ? {} : { body: JSON.stringify(body) }) })
    if (!response.ok) throw new Error(`${path} answered ${response.status}: ${await response.text()}`)
    const isJson = response.headers.get('content-type')?.includes('json') === true
    return (isJson ? await response.json() : await response.text()) as T
  }

  /** A counter or gauge of the supernode; 0 while it does not exist. */
  async metric(name: string): Promise<number> {
    const text = await this.get<string>('/metrics')
    const line = text.split('\n').find((candidate) => candidate.startsWith(`${name} `))
    return line === undefined ? 0 : Number(line.slice(name.length + 1))
  }
}
