import { connect, type Socket } from 'node:net'
import { connect as connectSecurely } from 'node:tls'
import { createDirectTransport, createIdentity, type Channel, type ChannelReceiver, type Transport } from '@damselfly/exchange'
import {
  create,
  decode,
  encode,
  PeerBatchSchema,
  PieceMessageSchema,
  SupernodeBatchSchema,
  type MessageInitShape,
  type PeerMessageSchema,
  type SupernodeMessage,
} from '@damselfly/shared/wire'
import { until } from './until.ts'

/** What an attacker knows. */
export interface Target {
  readonly host: string
  readonly directPort: number
  readonly management: string
  readonly adminToken: string
  /** Base URL of the origin. */
  readonly origin: string
  /** A content of which the CDN has everything. */
  readonly content: string
}

/** Goes on until `signal` is aborted, and counts what it does. */
export type Attack = (target: Target, signal: AbortSignal, count: () => void) => Promise<void>

type Said = NonNullable<MessageInitShape<typeof PeerMessageSchema>['body']>

/** Strangers come from an address of their own, as they would from a machine of their own. */
const STRANGER = '127.0.0.66'

const AT_ONCE = 64

/** Handshakes from one address, as fast as they are let in. */
const handshakes: Attack = async ({ host, directPort: port }, signal, count) => {
  await atOnce(AT_ONCE, signal, async () => {
    const socket = connect({ host, port, localAddress: STRANGER }).on('error', () => undefined)
    await closed(connectSecurely({ socket, rejectUnauthorized: false, ALPNProtocols: ['/damselfly/piece/1'] }), signal)
    count()
  })
}

/** Connections that say nothing, opened again when they are closed. */
const silence: Attack = async ({ host, directPort: port }, signal, count) => {
  await atOnce(2000, signal, async () => {
    await closed(connect({ host, port, localAddress: STRANGER }), signal)
    count()
  })
}

/** A peer that registers new tasks without end, each of them a content that the origin has. */
const registrations: Attack = async (target, signal, count) => {
  const peer = await AttackingPeer.connect(target)
  for (let next = 0; !signal.aborted; next += 1000) {
    const bodies = Array.from({ length: 1000 }, (_, n): Said => {
      const requestId = next + n
      return { case: 'register', value: { requestId, spec: { url: `${target.origin}/small?${process.pid}-${requestId}` }, order: 'rarest-first' } }
    })
    await peer.say(bodies, count)
  }
  await peer.stop()
}

/** A peer that announces contents of a hundred thousand pieces, each another one. */
const announcements: Attack = async (target, signal, count) => {
  const { deriveTaskId, taskIdToBytes } = await import('@damselfly/shared')
  const peer = await AttackingPeer.connect(target)
  const pieces = 100_000
  const pieceDigests = Buffer.alloc(pieces * 32, 7)
  for (let next = 0; !signal.aborted; next++) {
    const url = `${target.origin}/announced?${process.pid}-${next}`
    const taskId = taskIdToBytes(deriveTaskId({ url }))
    const value = { taskId, spec: { url }, contentLength: BigInt(pieces) * 1_048_576n, pieceSize: 1_048_576, have: Buffer.alloc(pieces / 8, 255), pieceDigests }
    await peer.say([{ case: 'announce', value }], count)
  }
  await peer.stop()
}

/** A peer that asks for pieces, tells of failures and takes tasks back, in batches of ten thousand. */
const messages: Attack = async (target, signal, count) => {
  const peer = await AttackingPeer.connect(target)
  const { taskId } = await peer.register(target.content)
  while (!signal.aborted) {
    const bodies = Array.from({ length: 10_000 }, (_, n): Said => {
      if (n % 2 === 0) return { case: 'want', value: { taskId, count: 1024 } }
      return { case: 'pieceFailed', value: { taskId, index: n % 100, parent: 'nobody', reason: 'TIMEOUT', message: 'x'.repeat(200) } }
    })
    await peer.say(bodies, count)
  }
  await peer.stop()
}

/** A child with a proper ticket that opens lanes to the CDN, asks for the same piece on each all the time, and never reads. */
const lanes: Attack = async (target, signal, count) => {
  const peer = await AttackingPeer.connect(target)
  const { taskId, pieceSize } = await peer.register(target.content)
  const told = peer.ticket()
  await peer.say([{ case: 'want', value: { taskId, count: 8 } }], () => undefined)
  const ticket = await told
  const ask = (body: NonNullable<MessageInitShape<typeof PieceMessageSchema>['body']>): Uint8Array => encode(PieceMessageSchema, create(PieceMessageSchema, { body }))
  await atOnce(200, signal, async () => {
    const channel = await peer.lane()
    try {
      channel.sendMessage(ask({ case: 'ticket', value: { signedTicket: ticket } }))
      for (let requestId = 1; requestId <= 64; requestId++) {
        channel.sendMessage(ask({ case: 'request', value: { requestId, taskId, index: 0, length: pieceSize } }))
        count()
      }
      await until(signal, 5000)
    } finally {
      channel.abort(new Error('again'))
    }
  })
  await peer.stop()
}

/** Somebody with a token who asks the management API for decisions and lists all the time. */
const questions: Attack = async ({ management, adminToken }, signal, count) => {
  const paths = ['/api/v1/tasks?limit=1000', '/api/v1/peers', '/api/v1/blocklist', '/metrics']
  await atOnce(AT_ONCE, signal, async (n) => {
    const response = await fetch(`${management}${paths[n % paths.length]}`, { headers: { authorization: `Bearer ${adminToken}` }, signal })
    await response.arrayBuffer()
    count()
  })
}

/** Clients of the management API that send a request a byte at a time. */
const slowClients: Attack = async ({ management }, signal, count) => {
  const { hostname, port } = new URL(management)
  await atOnce(1000, signal, async () => {
    const socket = connect({ host: hostname, port: Number(port), localAddress: STRANGER })
    socket.write('GET /healthz HTTP/1.1\r\nhost: a\r\n')
    const drip = setInterval(() => socket.write('x: y\r\n'), 1000)
    await closed(socket, signal)
    clearInterval(drip)
    count()
  })
}

export const ATTACKS = { handshakes, silence, registrations, announcements, messages, lanes, questions, 'slow clients': slowClients } as const
export type AttackName = keyof typeof ATTACKS

/** Many doing the same thing again and again. */
async function atOnce(many: number, signal: AbortSignal, work: (n: number) => Promise<void>): Promise<void> {
  await Promise.all(
    Array.from({ length: many }, async (_, n) => {
      while (!signal.aborted) {
        await work(n).catch(() => undefined)
        // What fails at once is tried again at once, but lets others have their turn.
        await new Promise((resolve) => setImmediate(resolve))
      }
    }),
  )
}

async function closed(socket: Socket, signal: AbortSignal): Promise<void> {
  const end = (): void => void socket.destroy()
  signal.addEventListener('abort', end)
  socket.on('error', () => undefined)
  socket.resume()
  await new Promise<void>((resolve) => socket.once('close', () => resolve()))
  signal.removeEventListener('abort', end)
}

/** A peer that says what it likes. */
class AttackingPeer implements ChannelReceiver {
  readonly #target: Target
  readonly #transport: Transport
  #channel: Channel | undefined
  #heard: (body: SupernodeMessage['body']) => void = () => undefined

  static async connect(target: Target): Promise<AttackingPeer> {
    const peer = new AttackingPeer(target, createDirectTransport({ identity: createIdentity() }))
    await peer.#greet()
    return peer
  }

  constructor(target: Target, transport: Transport) {
    this.#target = target
    this.#transport = transport
  }

  /** Comes back when it was thrown out. */
  async say(bodies: readonly Said[], count: () => void): Promise<void> {
    const frame = encode(PeerBatchSchema, create(PeerBatchSchema, { messages: bodies.map((body) => ({ body })) }))
    try {
      this.#channel?.sendMessage(frame)
      for (const _ of bodies) count()
      await this.#channel?.writable()
      await new Promise((resolve) => setImmediate(resolve))
    } catch {
      await this.#greet().catch(() => undefined)
    }
  }

  async register(url: string): Promise<{ readonly taskId: Uint8Array; readonly pieceSize: number }> {
    const answered = this.#next((body) => (body.case === 'registered' ? body.value : undefined))
    await this.say([{ case: 'register', value: { requestId: 1, spec: { url }, order: 'rarest-first' } }], () => undefined)
    return await answered
  }

  async ticket(): Promise<Uint8Array> {
    return await this.#next((body) => (body.case === 'parent' ? body.value.signedTicket : undefined))
  }

  async lane(): Promise<Channel> {
    return await this.#dial('/damselfly/piece/1')
  }

  async stop(): Promise<void> {
    await this.#transport.stop()
  }

  message(bytes: Uint8Array): void {
    for (const { body } of decode(SupernodeBatchSchema, bytes, bytes.length).messages) this.#heard(body)
  }

  data(): void {}

  closed(): void {}

  async #greet(): Promise<void> {
    this.#channel = await this.#dial('/damselfly/control/1')
    this.#channel.receive(this)
    const value = { agent: 'attack', uploadSlots: 4, security: 'auto', endpoints: [{ kind: 'direct', host: '127.0.0.1', port: 9 }], hostName: 'attack' }
    await this.say([{ case: 'hello', value }], () => undefined)
  }

  #dial(protocol: '/damselfly/control/1' | '/damselfly/piece/1'): Promise<Channel> {
    const { host, directPort: port } = this.#target
    return this.#transport.dial({ endpoint: { kind: 'direct', host, port }, peer: undefined }, protocol, AbortSignal.timeout(20_000))
  }

  /** What the next message of a kind says. */
  #next<T>(read: (body: SupernodeMessage['body']) => T | undefined): Promise<T> {
    return new Promise((resolve) => {
      this.#heard = (body) => {
        const found = read(body)
        if (found !== undefined) resolve(found)
      }
    })
  }
}
