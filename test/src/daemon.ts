import { once } from 'node:events'
import { request, type IncomingMessage } from 'node:http'
import { text } from 'node:stream/consumers'
import type { Program } from './program.ts'

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
    const headers = body === undefined ? {} : { 'content-type': 'application/json' }
    const asking = request({ socketPath: this.socket, method, path, headers, agent: false })
    asking.end(body === undefined ? undefined : JSON.stringify(body))
    const [response] = (await once(asking, 'response')) as [IncomingMessage]
    const answer = await text(response)
    if ((response.statusCode ?? 0) >= 300) throw new Error(`${path} answered ${response.statusCode}: ${answer}`)
    return JSON.parse(answer) as T
  }
}
