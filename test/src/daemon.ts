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

  /** The metrics as Prometheus reads them. */
  async metrics(): Promise<string> {
    return await askSocket(this.socket, 'GET', '/metrics')
  }
}
