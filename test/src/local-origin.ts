import { createReadStream } from 'node:fs'
import { stat } from 'node:fs/promises'
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { pipeline } from 'node:stream/promises'

/** A plain origin for one file, for machines without a web server; it counts the body bytes that it sends. */
export class LocalOrigin {
  readonly url: string
  readonly #server: Server
  #bodyBytes = 0

  private constructor(server: Server, count: { onBytes: (bytes: number) => void }) {
    this.#server = server
    this.url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/file`
    count.onBytes = (bytes) => (this.#bodyBytes += bytes)
  }

  static async start(path: string): Promise<LocalOrigin> {
    const count = { onBytes: (_bytes: number): void => undefined }
    const server = createServer((request, response) => {
      serve(path, request, response, (bytes) => count.onBytes(bytes)).catch(() => response.destroy())
    })
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    return new LocalOrigin(server, count)
  }

  /** Sent so far, over all requests. */
  get bodyBytes(): number {
    return this.#bodyBytes
  }

  async stop(): Promise<void> {
    this.#server.closeAllConnections()
    await new Promise((resolve) => this.#server.close(resolve))
  }
}

async function serve(
  path: string,
  request: IncomingMessage,
  response: ServerResponse,
  onBytes: (bytes: number) => void,
): Promise<void> {
  const { size, mtimeMs } = await stat(path)
  const range = /^bytes=(\d+)-(\d*)$/.exec(request.headers.range ?? '')
  const start = Number(range?.[1] ?? 0)
  const end = range?.[2] === undefined || range[2] === '' ? size - 1 : Math.min(Number(range[2]), size - 1)
  const headers = { etag: `"${size}-${mtimeMs}"`, 'accept-ranges': 'bytes', 'content-length': Math.max(0, end - start + 1) }
  if (range === null) response.writeHead(200, headers)
  else response.writeHead(206, { ...headers, 'content-range': `bytes ${start}-${end}/${size}` })
  if (request.method === 'HEAD' || size === 0) return void response.end()
  const body = createReadStream(path, { start, end, highWaterMark: 256 * 1024 })
  body.on('data', (bytes) => onBytes(bytes.length))
  await pipeline(body, response)
}
