import { createServer, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { answerCalls } from '../lanes/remote-calls.ts'

/** What is said to a socket at once; bytes. */
const PORTION = 64 * 1024

const CONTENT = Buffer.alloc(PORTION, 'damselfly')

let bodyBytes = 0

const calls = {
  /**
   * Serves a content that goes on and on as fast as a line of its own would for each connection.
   *
   * @param rate bytes per second @returns its URL
   */
  async start({ length, rate }: { readonly length: number; readonly rate: number }): Promise<string> {
    const server = createServer((request, response) => {
      const { start, end } = rangeOf(request.headers.range, length)
      const headers = { etag: '"paced"', 'accept-ranges': 'bytes', 'content-length': end - start }
      if (request.headers.range === undefined) response.writeHead(200, headers)
      else response.writeHead(206, { ...headers, 'content-range': `bytes ${start}-${end - 1}/${length}` })
      if (request.method === 'HEAD') return void response.end()
      send(response, end - start, rate).catch(() => response.destroy())
    })
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    return `http://127.0.0.1:${(server.address() as AddressInfo).port}/content`
  },
  /** Body bytes sent since the last call. */
  async sent(_argument: object): Promise<number> {
    const sent = bodyBytes
    bodyBytes = 0
    return sent
  },
}
export type OriginCalls = typeof calls

answerCalls(calls)

function rangeOf(text: string | undefined, length: number): { readonly start: number; readonly end: number } {
  const range = /^bytes=(\d+)-(\d*)$/.exec(text ?? '')
  const last = range?.[2] === undefined || range[2] === '' ? length - 1 : Number(range[2])
  return { start: Number(range?.[1] ?? 0), end: Math.min(last + 1, length) }
}

async function send(response: ServerResponse, length: number, rate: number): Promise<void> {
  const startedAt = performance.now()
  for (let sent = 0; sent < length; ) {
    const due = Math.min(length, ((performance.now() - startedAt) / 1000) * rate)
    while (sent < due) {
      const part = CONTENT.subarray(0, Math.min(PORTION, length - sent))
      sent += part.length
      bodyBytes += part.length
      if (!response.write(part)) await new Promise<void>((resolve) => response.once('drain', resolve))
    }
    await sleep(1)
    if (response.destroyed) return
  }
  response.end()
}
