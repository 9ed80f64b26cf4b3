import { once } from 'node:events'
import { createServer, request, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { pipeline } from 'node:stream/promises'
import { setImmediate } from 'node:timers/promises'

/** What a registry does with the bytes of blobs. */
export type BlobFault =
  | { readonly type: 'none' }
  /** Each body breaks off after so many bytes. */
  | { readonly type: 'cut'; readonly after: number }
  | { readonly type: 'status'; readonly status: number }
  /** As many bytes, and others. */
  | { readonly type: 'wrong' }
  /** Each body stands still after so many bytes, until then. */
  | { readonly type: 'hold'; readonly after: number; readonly until: Promise<void>; readonly onHeld: () => void }
  /** Bodies that begin before this byte never come. */
  | { readonly type: 'hold-before'; readonly byte: number }

/** How it answered a GET of a blob. */
export interface BlobAnswer {
  readonly path: string
  /** The header that asked for parts. */
  readonly range: string | undefined
  readonly status: number
  readonly type: string | undefined
  /** Sent so far. */
  bytes: number
}

const BLOB = /\/blobs\/sha256:/

/** Stands before a real registry and spoils the blobs that it sends. */
export class RegistryProxy {
  /** `127.0.0.1:port` */
  readonly authority: string
  fault: BlobFault = { type: 'none' }
  readonly blobAnswers: BlobAnswer[] = []
  readonly #server: Server

  private constructor(server: Server) {
    this.#server = server
    this.authority = `127.0.0.1:${(server.address() as AddressInfo).port}`
  }

  /** @param registry where the real one is, `host:port` without TLS */
  static async start(registry: string): Promise<RegistryProxy> {
    const server = createServer()
    server.listen(0, '127.0.0.1')
    await once(server, 'listening')
    const proxy = new RegistryProxy(server)
    server.on('request', (asked: IncomingMessage, answer: ServerResponse) => {
      proxy.#pass(registry, asked, answer).catch(() => answer.destroy())
    })
    return proxy
  }

  async stop(): Promise<void> {
    const closed = once(this.#server, 'close')
    this.#server.close()
    this.#server.closeAllConnections()
    await closed
  }

  async #pass(registry: string, asked: IncomingMessage, answer: ServerResponse): Promise<void> {
    const isBlob = BLOB.test(asked.url ?? '')
    const { fault } = this
    if (isBlob && fault.type === 'status') return void answer.writeHead(fault.status).end('{"errors":[{"code":"UNKNOWN","message":"spoiled"}]}')
    const passed = request(`http://${registry}${asked.url}`, { method: asked.method, headers: asked.headers, agent: false })
    asked.pipe(passed)
    const [real] = (await once(passed, 'response')) as [IncomingMessage]
    const { statusCode: status = 500, headers } = real
    answer.writeHead(status, headers)
    answer.flushHeaders()
    if (!isBlob || asked.method !== 'GET') return await pipeline(real, answer)
    const record = { path: asked.url ?? '', range: asked.headers.range, status, type: headers['content-type'], bytes: 0 }
    this.blobAnswers.push(record)
    await pipeline(this.#spoilt(real, fault, record), answer)
  }

  async *#spoilt(real: IncomingMessage, fault: BlobFault, record: BlobAnswer): AsyncGenerator<Uint8Array> {
    let sent = 0
    for await (const chunk of real as AsyncIterable<Buffer>) {
      const bytes = fault.type === 'cut' ? chunk.subarray(0, Math.max(0, fault.after - sent)) : chunk
      if (fault.type === 'wrong') bytes.fill(0)
      if (fault.type === 'hold-before' && firstByte(record.range) < fault.byte) await once(real, 'close')
      if (fault.type === 'hold' && sent >= fault.after) {
        fault.onHeld()
        await fault.until
      }
      sent += bytes.length
      record.bytes += bytes.length
      yield bytes
      if (fault.type !== 'cut' || sent < fault.after) continue
      // Only what is written is sent before the end.
      await setImmediate()
      throw new Error('cut')
    }
  }
}

function firstByte(range: string | undefined): number {
  return Number(/^bytes=(\d+)-/.exec(range ?? '')?.[1] ?? 0)
}
