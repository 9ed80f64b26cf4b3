import { createHash } from 'node:crypto'
import { setImmediate as nextTurn, setTimeout as sleep } from 'node:timers/promises'
import { createHttpSource } from '@damselfly/cdn'
import {
  createDirectTransport,
  createIdentity,
  createLanePool,
  createPlainTransport,
  parseSupernodeAddress,
  SecurityInForce,
  type ControlClient,
} from '@damselfly/exchange'
import { deriveTaskId, RateLimiter, systemClock } from '@damselfly/shared'
import { answerCalls } from '../lanes/remote-calls.ts'
import { createTalkingClient } from '../many/peers/talking-peer.ts'
import { AskingChild, type Told } from './asking-child.ts'
import { MemoryChild } from './memory-child.ts'

export type Security = 'plain' | 'tls'

/** No step may take longer; milliseconds. */
const PATIENCE_MS = 240_000

const identity = createIdentity()
const transports = { plain: createPlainTransport({ identity }), tls: createDirectTransport({ identity }) } as const
const source = createHttpSource({ policy: { trustRequestedHost: true }, insecure: ['127.0.0.1'] })
const children: ControlClient[] = []

async function allAsk(url: string, some: readonly ControlClient[], takes: boolean): Promise<readonly Told[]> {
  const signal = AbortSignal.timeout(PATIENCE_MS)
  const told: Promise<Told>[] = []
  for (const client of some) {
    told.push(new AskingChild(client, url, takes).ask(signal))
    // Children on hosts of their own would not wait for each other's questions.
    await nextTurn()
  }
  await Promise.all(told)
  for (const client of some) client.dropTask(deriveTaskId({ url }))
  return Promise.all(told)
}

const calls = {
  /** Starts so many children, each with an identity and a control channel of its own. Resolves when all are connected. */
  async start({ supernode, count }: { readonly supernode: string; readonly count: number }): Promise<void> {
    for (let i = 0; i < count; i++) {
      // The first is the one that also has lanes.
      const transport = i === 0 ? transports.tls : createDirectTransport({ identity: createIdentity() })
      const client = createTalkingClient({ supernode: parseSupernodeAddress(supernode), holds: [], port: 10_000 + i }, transport)
      client.start()
      children.push(client)
    }
    while (!children.every(({ state }) => state.type === 'connected')) await sleep(20)
  },
  /** Lets all children ask for the content at once. */
  async askAll({ url }: { readonly url: string }): Promise<readonly Told[]> {
    return allAsk(url, children, true)
  },
  /** Lets one child ask for the content, without taking any of it. @returns when it was whole */
  async askAlone({ url }: { readonly url: string }): Promise<Told | undefined> {
    return (await allAsk(url, children.slice(0, 1), false))[0]
  },
  /** Receives what the CDN holds, and compares each piece with its digest or not. @returns seconds */
  async receive({ url, security, checks }: { readonly url: string; readonly security: Security; readonly checks: boolean }): Promise<number> {
    const [client] = children
    if (client === undefined) throw new Error('not started')
    const downloadLimiter = new RateLimiter(0, systemClock)
    const inForce = new SecurityInForce({ security: security === 'tls' ? 'tls' : 'auto' })
    const pool = createLanePool({ transports: [transports[security]], security: inForce, clock: systemClock, downloadLimiter })
    const startedAt = performance.now()
    await new MemoryChild(client, pool, url, checks).receive(AbortSignal.timeout(PATIENCE_MS))
    const seconds = (performance.now() - startedAt) / 1000
    await pool.close()
    client.dropTask(deriveTaskId({ url }))
    return seconds
  },
  /**
   * Reads a URL as a peer does that goes to the origin itself.
   *
   * @param digest that the bytes are compared with as they come; undefined: they are not looked at
   * @returns seconds
   */
  async read({ url, digest }: { readonly url: string; readonly digest: string | undefined }): Promise<number> {
    const startedAt = performance.now()
    const response = await source.read({ url, headers: new Map(), signal: AbortSignal.timeout(PATIENCE_MS) })
    const hash = digest === undefined ? undefined : createHash('sha256')
    await response.body.pipe((bytes) => void hash?.update(bytes))
    if (hash?.digest('hex') !== digest) throw new Error(`${url} is wrong`)
    return (performance.now() - startedAt) / 1000
  },
}
export type HostCalls = typeof calls

answerCalls(calls)
