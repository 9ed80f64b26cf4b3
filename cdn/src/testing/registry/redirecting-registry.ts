import { once } from 'node:events'
import { createServer, request, type IncomingMessage, type RequestListener, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { pipeline } from 'node:stream/promises'
import { setImmediate } from 'node:timers/promises'
import type { Stored } from './layered-image.ts'

const BLOB = /\/blobs\/(?<digest>sha256:[0-9a-f]{64})$/

/** What its store was asked. */
export interface StoreQuestion {
  readonly authorization: string | undefined
  readonly status: number
}

/**
 * Stands before a real registry and sends whoever may have a blob to a store at another address, by an URL that is good for so
 * many bytes: the answer in which they end breaks off, and later ones are 403.
 */
export class RedirectingRegistry {
  readonly storeQuestions: StoreQuestion[] = []
  readonly #blobs: ReadonlyMap<string, Uint8Array>
  readonly #goodFor: number
  /** Bytes that each signature is still good for. */
  readonly #left: number[] = []
  readonly #servers: Server[] = []
  #authority = ''
  #store = ''

  private constructor(blobs: readonly Stored[], goodFor: number) {
    this.#blobs = new Map(blobs.map(({ digest, bytes }) => [digest, bytes]))
    this.#goodFor = goodFor
  }

  /** @param registry where the real one is, `host:port` without TLS @param goodFor bytes */
  static async start(registry: string, blobs: readonly Stored[], goodFor: number): Promise<RedirectingRegistry> {
    const redirecting = new RedirectingRegistry(blobs, goodFor)
    redirecting.#authority = await redirecting.#listen((asked, answer) => void redirecting.#front(registry, asked, answer).catch(() => answer.destroy()))
    redirecting.#store = await redirecting.#listen((asked, answer) => void redirecting.#serve(asked, answer).catch(() => answer.destroy()))
    return redirecting
  }

  /** `127.0.0.1:port` */
  get authority(): string {
    return this.#authority
  }

  async stop(): Promise<void> {
    for (const server of this.#servers) {
      server.close()
      server.closeAllConnections()
      if (server.listening) await once(server, 'close')
    }
  }

  async #listen(listener: RequestListener): Promise<string> {
    const server = createServer(listener)
    this.#servers.push(server)
    server.listen(0, '127.0.0.1')
    await once(server, 'listening')
    return `127.0.0.1:${(server.address() as AddressInfo).port}`
  }

  async #front(registry: string, asked: IncomingMessage, answer: ServerResponse): Promise<void> {
    const digest = BLOB.exec(asked.url ?? '')?.groups?.['digest']
    const isBlob = asked.method === 'GET' && digest !== undefined
    const passed = request(`http://${registry}${asked.url}`, { method: isBlob ? 'HEAD' : asked.method, headers: asked.headers, agent: false })
    asked.pipe(passed)
    const [real] = (await once(passed, 'response')) as [IncomingMessage]
    if (isBlob && (real.statusCode ?? 500) < 300) {
      real.resume()
      const location = `http://${this.#store}/${digest}/${this.#left.push(this.#goodFor) - 1}`
      answer.writeHead(307, { location, 'content-length': 0 }).end()
      return
    }
    answer.writeHead(real.statusCode ?? 500, real.headers)
    await pipeline(real, answer)
  }

  async #serve({ url = '', headers }: IncomingMessage, answer: ServerResponse): Promise<void> {
    const [, digest = '', signature = ''] = url.split('/')
    const content = this.#blobs.get(digest)
    const left = this.#left[Number(signature)] ?? 0
    const status = content === undefined || left <= 0 ? 403 : headers.range === undefined ? 200 : 206
    this.storeQuestions.push({ authorization: headers.authorization, status })
    if (content === undefined || status === 403) return void answer.writeHead(403).end('<Error>Request has expired</Error>')
    const { first = '0', last = '' } = /^bytes=(?<first>\d+)-(?<last>\d*)$/.exec(headers.range ?? '')?.groups ?? {}
    const [start, end] = [Number(first), Math.min(Number(last === '' ? content.length : last), content.length - 1)]
    const part = content.subarray(start, end + 1)
    const range = status === 206 ? { 'content-range': `bytes ${start}-${end}/${content.length}` } : {}
    answer.writeHead(status, { 'content-length': part.length, 'accept-ranges': 'bytes', etag: `"${digest}"`, ...range })
    this.#left[Number(signature)] = left - part.length
    if (part.length <= left) return void answer.end(part)
    answer.write(part.subarray(0, left))
    // Only what is written is sent before the end.
    await setImmediate()
    answer.destroy()
  }
}
