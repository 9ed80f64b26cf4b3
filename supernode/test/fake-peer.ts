import { Bitset, deriveTaskId, sha256, taskIdToBytes, type ErrorCode, type PeerId, type Priority, type Sha256, type TaskId } from '@damselfly/shared'
import {
  create,
  decode,
  encode,
  PeerBatchSchema,
  RegisterSchema,
  SupernodeBatchSchema,
  type MessageInitShape,
  type PeerMessageSchema,
  type SupernodeMessage,
  TaskSpecSchema,
} from '@damselfly/shared/wire'
import { createIdentity } from '@damselfly/exchange'
import type { ControlPlane } from '../src/control/control-plane.ts'
import { digestOf, pieceCountOf, type FakeContent } from './fake-cdn.ts'
import { MemoryChannel } from './memory-channel.ts'

type Said = NonNullable<MessageInitShape<typeof PeerMessageSchema>['body']>
type Heard = SupernodeMessage['body']
type HeardOf<C extends Heard['case']> = Extract<Heard, { case: C }>['value']

/** What a peer says it can do. */
export interface Greeting {
  readonly uploadSlots?: number
  readonly security?: string
  readonly endpoints?: readonly { kind: string; host: string; port: number }[]
}

/** A peer that says what the test wants and remembers what it hears. */
export class FakePeer {
  readonly id: PeerId
  readonly channel: MemoryChannel
  readonly heard: Heard[] = []
  /** How many messages each frame had. */
  readonly batches: number[] = []
  readonly #waiters = new Set<() => void>()
  #requests = 0

  constructor(control: ControlPlane, id: PeerId = createIdentity().peerId, address?: string) {
    this.id = id
    this.channel = new MemoryChannel(id, address)
    this.channel.onSent = (bytes) => this.#hear(bytes)
    this.channel.onEnd = () => this.#wake()
    control.accept(this.channel)
  }

  /** A peer that has said Hello. */
  static greet(control: ControlPlane, greeting: Greeting = {}, id?: PeerId, address?: string): FakePeer {
    const peer = new FakePeer(control, id, address)
    peer.hello(greeting)
    return peer
  }

  hello({ uploadSlots = 4, security = 'tls', endpoints = [{ kind: 'direct', host: '127.0.0.1', port: 7000 }] }: Greeting = {}): void {
    this.say({ case: 'hello', value: { agent: 'test/1', uploadSlots, security, endpoints: [...endpoints], hostName: 'host' } })
  }

  say(...bodies: Said[]): void {
    this.channel.deliver(encode(PeerBatchSchema, create(PeerBatchSchema, { messages: bodies.map((body) => ({ body })) })))
  }

  /** Asks for a task. @returns the answer */
  async register(spec: MessageInitShape<typeof TaskSpecSchema>, more: RegisterExtras = {}): Promise<HeardOf<'registered'>> {
    const requestId = ++this.#requests
    const value = { requestId, spec: create(TaskSpecSchema, spec), order: 'rarest-first', ...more }
    this.say({ case: 'register', value: create(RegisterSchema, value) })
    return await this.whenHeard('registered', (answer) => answer.requestId === requestId)
  }

  announce(url: string, content: FakeContent, options: AnnounceOptions = {}): TaskId {
    const { pieces = [...Array(pieceCountOf(content)).keys()], signedManifest = new Uint8Array(), digest, isPrivate = false } = options
    const taskId = deriveTaskId({ url, digest })
    const digests = Array.from({ length: pieceCountOf(content) }, (_, index) => {
      return pieces.includes(index) ? digestOf(content, index) : new Uint8Array(32)
    })
    this.say({
      case: 'announce',
      value: {
        taskId: taskIdToBytes(taskId),
        spec: { url, digest: digest ?? new Uint8Array() },
        contentLength: BigInt(content.bytes.length),
        pieceSize: content.pieceSize,
        have: Bitset.of(pieceCountOf(content), pieces).toBytes(),
        pieceDigests: Buffer.concat(digests),
        signedManifest,
        validators: { etag: content.etag ?? '' },
        contentDigest: pieces.length === pieceCountOf(content) ? sha256(content.bytes) : new Uint8Array(),
        privateContent: isPrivate,
      },
    })
    return taskId
  }

  want(taskId: TaskId, count = 8, priority: Priority = 'foreground'): void {
    this.say({ case: 'want', value: { taskId: taskIdToBytes(taskId), count, background: priority === 'background' } })
  }

  done(taskId: TaskId, index: number, parent: string, bytes = 1024): void {
    this.say({ case: 'pieceDone', value: { taskId: taskIdToBytes(taskId), index, parent, bytes, durationUs: 1000 } })
  }

  /** Says that an assignment came to nothing, and asks for another one. */
  failed(taskId: TaskId, index: number, parent: string, reason: ErrorCode): void {
    this.say(
      { case: 'pieceFailed', value: { taskId: taskIdToBytes(taskId), index, parent, reason, message: '' } },
      { case: 'want', value: { taskId: taskIdToBytes(taskId), count: 1 } },
    )
  }

  stored(taskId: TaskId, index: number, digest: Sha256): void {
    this.say({ case: 'pieceStored', value: { taskId: taskIdToBytes(taskId), index, digest } })
  }

  all<C extends NonNullable<Heard['case']>>(kind: C): HeardOf<C>[] {
    return this.heard.flatMap((body) => (body.case === kind ? [body.value as HeardOf<C>] : []))
  }

  /** The first message of a kind that fits; waits for it. */
  async whenHeard<C extends NonNullable<Heard['case']>>(
    kind: C,
    fits: (value: HeardOf<C>) => boolean = () => true,
  ): Promise<HeardOf<C>> {
    for (;;) {
      const found = this.all(kind).find(fits)
      if (found !== undefined) return found
      if (this.channel.isEnded) throw new Error(`the channel ended before '${kind}' came`)
      await this.#next()
    }
  }

  /** All digests that were told, by index. */
  get digests(): Map<number, Sha256> {
    return new Map(this.all('taskUpdate').flatMap((update) => update.digests.map(({ index, digest }) => [index, digest] as const)))
  }

  async whenDigests(count: number): Promise<void> {
    while (this.digests.size < count) await this.#next()
  }

  async whenEnded(): Promise<void> {
    while (!this.channel.isEnded) await this.#next()
  }

  async #next(): Promise<void> {
    const next = Promise.withResolvers<void>()
    this.#waiters.add(next.resolve)
    await next.promise
    this.#waiters.delete(next.resolve)
  }

  #hear(bytes: Uint8Array): void {
    const { messages } = decode(SupernodeBatchSchema, bytes, bytes.length)
    this.batches.push(messages.length)
    this.heard.push(...messages.map(({ body }) => body))
    this.#wake()
  }

  #wake(): void {
    for (const wake of this.#waiters) wake()
  }
}

interface RegisterExtras {
  readonly order?: string
  readonly credentials?: { name: string; value: string }[]
  readonly heldContentLength?: bigint
  readonly heldPieceSize?: number
  readonly held?: Uint8Array
}

export interface AnnounceOptions {
  readonly pieces?: readonly number[]
  readonly signedManifest?: Uint8Array
  readonly digest?: Sha256
  readonly isPrivate?: boolean
}
