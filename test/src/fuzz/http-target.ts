import assert from 'node:assert/strict'
import { once } from 'node:events'
import { connect, type NetConnectOpts, type Socket } from 'node:net'
import type { FuzzTarget } from './target.ts'

/** A server that is fuzzed by raw bytes. */
export interface OpenServer {
  readonly at: NetConnectOpts
  /** A request that has to be answered with 200 at any time. */
  readonly healthy: string
  readonly close: () => Promise<void>
}

export interface HttpTargetInit {
  readonly name: string
  readonly seeds: readonly string[]
  readonly words?: readonly string[]
  /** What may be answered besides everything below 500: failures of others, never of the server itself. */
  readonly fails: readonly number[]
  readonly open: () => Promise<OpenServer>
  /** Holds an answer against what was sent; both as latin1. @throws whatever is wrong */
  readonly judge?: (input: string, answer: string) => void
}

/** Of a client that sent all that it had to say; milliseconds, generous since machines are busy. */
const MOST_WAIT = 30_000
/** Inputs between two questions whether the server is well. */
const HEALTH_EVERY = 50
/** Of an answer; more is left unread. */
const MOST_ANSWER = 4 * 1024 * 1024

/** Whatever bytes come: no crash, no answer that blames the server, and the next request is answered. */
export function httpTarget({ name, seeds, words = [], fails, open, judge }: HttpTargetInit): FuzzTarget {
  let server: OpenServer | undefined
  let count = 0
  return {
    name,
    seeds,
    words: ['\r\n', '\r\n\r\n', 'GET ', 'POST ', 'HEAD ', ' HTTP/1.1', 'Host: ', 'Content-Length: ', 'Transfer-Encoding: chunked', 'Connection: close', 'Expect: 100-continue', 'Range: bytes=0-', 'application/json', ...words],
    async start() {
      server = await open()
      await assertHealthy(server)
    },
    async run(input) {
      if (server === undefined) throw new Error('there is no server')
      const answer = await exchange(server.at, input, END_AFTER)
      for (const status of statusesIn(answer)) assert.ok(status < 500 || fails.includes(status), `answered ${status} with ${answer.slice(0, 600)}`)
      judge?.(Buffer.from(input).toString('latin1'), answer)
      if (++count % HEALTH_EVERY === 0) await assertHealthy(server)
    },
    async stop() {
      if (server !== undefined) await assertHealthy(server)
      await server?.close()
    },
  }
}

async function assertHealthy({ at, healthy }: OpenServer): Promise<void> {
  assert.deepEqual(statusesIn(await exchange(at, Buffer.from(healthy), undefined)).slice(0, 1), [200], 'the server is not well')
}

/** Sends bytes on a connection of their own and waits for what comes back. @param endAfter ends its own side then; undefined: once the server has */
async function exchange(at: NetConnectOpts, bytes: Uint8Array, endAfter: number | undefined): Promise<string> {
  const socket = connect({ ...at, allowHalfOpen: true })
  const parts: Buffer[] = []
  let size = 0
  socket.on('data', (part: Buffer) => {
    size += part.length
    if (size <= MOST_ANSWER) parts.push(part)
    else socket.destroy()
  })
  // A server may well break off what it does not understand.
  socket.on('error', () => undefined)
  socket.write(bytes)
  const timer = endAfter === undefined ? undefined : setTimeout(() => socket.end(), endAfter)
  const giveUp = setTimeout(() => socket.destroy(new Error('late')), MOST_WAIT)
  const closed = once(socket, 'close')
  socket.on('end', () => socket.end())
  await closed
  clearTimeout(timer)
  clearTimeout(giveUp)
  assert.ok((socket as Socket & { errored: Error | null }).errored?.message !== 'late', `the connection stayed for ${MOST_WAIT} ms`)
  return Buffer.concat(parts).toString('latin1')
}

/** After which somebody who has nothing more to say says so; milliseconds. */
const END_AFTER = 20

function statusesIn(answer: string): readonly number[] {
  return Array.from(answer.matchAll(/^HTTP\/1\.[01] (\d{3})/gm), ([, status]) => Number(status))
}
