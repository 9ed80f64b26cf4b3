import { once } from 'node:events'
import { createServer, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { answerCalls } from '../lanes/remote-calls.ts'

/** What is said to a socket at once; bytes. */
const PORTION = 64 * 1024

const CONTENT = Buffer.alloc(PORTION, 'damselfly')

let bodyBytes = 0

/** What may be sent; bytes per second. */
export interface Pace {
  /** To all together, as over a line of that rate: `/line`. */
  readonly line: number
  /** On each connection: `/limited`. */
  readonly limited: number
}

/** Lets bytes pass at a rate. */
class Gate {
  readonly #rate: number
  #freeAt = 0

  constructor(rate: number) {
    this.#rate = rate
  }

  /** Resolves when so many bytes may go. */
  async pass(bytes: number): Promise<void> {
    const now = performance.now()
    this.#freeAt = Math.max(this.#freeAt, now) + (bytes / this.#rate) * 1000
    // What is due within a millisecond may go at once: no timer is more exact.
    if (this.#freeAt - now > 1) await sleep(this.#freeAt - now)
  }
}

const calls = {
  /** Serves contents as fast as lines would carry them, not as fast as the machine could. @returns the URL of the folder */
  async start({ lengths, pace }: { readonly lengths: Readonly<Record<keyof Pace, number>>; readonly pace: Pace }): Promise<string> {
    const line = new Gate(pace.line)
    const server = createServer((request, response) => {
      const isLimited = request.url?.startsWith('/limited') === true
      const length = isLimited ? lengths.limited : lengths.line
      const { start, end } = rangeOf(request.headers.range, length)
      const headers = { etag: '"paced"', 'accept-ranges': 'bytes', 'content-length': end - start }
      if (request.headers.range === undefined) response.writeHead(200, headers)
      else response.writeHead(206, { ...headers, 'content-range': `bytes ${start}-${end - 1}/${length}` })
      if (request.method === 'HEAD') return void response.end()
      send(response, end - start, isLimited ? new Gate(pace.limited) : line).catch(() => response.destroy())
    })
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    return `http://127.0.0.1:${(server.address() as AddressInfo).port}`
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

async function send(response: ServerResponse, length: number, gate: Gate): Promise<void> {
  const over = new AbortController()
  response.once('close', () => over.abort())
  for (let sent = 0; sent < length && !response.destroyed; ) {
    const part = CONTENT.subarray(0, Math.min(PORTION, length - sent))
    await gate.pass(part.length)
    sent += part.length
    bodyBytes += part.length
    if (!response.write(part)) await once(response, 'drain', { signal: over.signal })
  }
  response.end()
}
