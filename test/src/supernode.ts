import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { Program } from './program.ts'

export interface SupernodePorts {
  readonly direct: number
  readonly libp2p: number
  readonly management: number
}

/** A running supernode on loopback. */
export class Supernode {
  readonly program: Program
  readonly dataDir: string
  readonly ports: SupernodePorts
  readonly peerId: string

  constructor(program: Program, dataDir: string, ready: Record<string, unknown>) {
    this.program = program
    this.dataDir = dataDir
    this.peerId = String(ready['peerId'])
    const endpoints = ready['endpoints'] as readonly { readonly kind: string; readonly port: number }[]
    const portOf = (kind: string): number => endpoints.find((endpoint) => endpoint.kind === kind)?.port ?? 0
    const [management] = ready['management'] as readonly string[]
    this.ports = { direct: portOf('direct'), libp2p: portOf('libp2p'), management: Number(new URL(String(management)).port) }
  }

  /** As a peer is told of it. */
  get address(): string {
    return `127.0.0.1:${this.ports.direct}`
  }

  /** An answer of the management API. */
  async get<T>(path: string): Promise<T> {
    const token = (await readFile(join(this.dataDir, 'admin-token'), 'utf8')).trim()
    const response = await fetch(`http://127.0.0.1:${this.ports.management}${path}`, {
      headers: { authorization: `Bearer ${token}` },
    })
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
