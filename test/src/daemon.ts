import type { Program } from './program.ts'
import { askSocket, callSocket } from './socket-call.ts'

/** A running dfdaemon. */
export class Daemon {
  readonly program: Program
  readonly socket: string
  readonly dataDir: string
  readonly peerId: string
  /** Where its mirror of registries is, without a slash at the end. */
  readonly mirror: string
  /** Where its forward proxy is; `undefined` in words when there is none. */
  readonly proxy: string

  constructor(program: Program, socket: string, dataDir: string, ready: Record<string, unknown>) {
    this.program = program
    this.socket = socket
    this.dataDir = dataDir
    this.peerId = String(ready['peer'])
    this.mirror = String(ready['mirror'])
    this.proxy = String(ready['proxy'])
  }

  /** An answer of the local API. @throws when it is refused, with all that was answered */
  async call<T>(method: string, path: string, body?: unknown): Promise<T> {
    return callSocket<T>(this.socket, method, path, body)
  }

  /** A counter or gauge, with its labels as they are written; 0 while it does not exist. */
  async metric(name: string): Promise<number> {
    const lines = (await askSocket(this.socket, 'GET', '/metrics')).split('\n')
    return Number(lines.find((line) => line.startsWith(`${name} `))?.slice(name.length + 1) ?? 0)
  }
}
