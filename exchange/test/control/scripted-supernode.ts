import { DamselflyError, systemClock, taskIdToBytes, type Clock, type PeerId, type TaskId } from '@damselfly/shared'
import {
  create,
  decode,
  encode,
  PeerBatchSchema,
  SupernodeBatchSchema,
  type MessageInitShape,
  type PeerMessage,
  type SupernodeMessageSchema,
} from '@damselfly/shared/wire'
import { channelPair } from '@damselfly/exchange/testing/channel'
import { CHANNEL_LIMITS, type Channel } from '../../src/channel/channel.ts'
import type { SupernodeDialer } from '../../src/control/supernode-dialer.ts'
import { createIdentity } from '../../src/identity/private-key.ts'

export type Said = NonNullable<MessageInitShape<typeof SupernodeMessageSchema>['body']>
export type Heard = Exclude<PeerMessage['body'], { case: undefined }>
export type HeardOf<C extends Heard['case']> = Extract<Heard, { case: C }>['value']

export interface ScriptedSupernodeOptions {
  /** @default systemClock */
  readonly clock?: Clock
  /** Answers a Hello with this window; 0: does not answer. @default 8 */
  readonly window?: number
}

/** A supernode that says what the test wants, and remembers what it hears. */
export class ScriptedSupernode {
  readonly identity = createIdentity()
  /** Everything that was heard, over all channels. */
  readonly heard: Heard[] = []
  /** How many messages each frame had. */
  readonly batches: number[] = []
  /** Fail so instead of accepting. */
  refusal: DamselflyError | undefined
  /** Accepting waits for it. */
  gate: Promise<void> = Promise.resolve()
  /** Dials that were tried. */
  dials = 0
  /** A frozen host: hears and answers nothing, though its connections stand. */
  isFrozen = false
  /** Called with each message; answers what must be answered at once. */
  onHeard: (message: Heard) => void = () => undefined
  readonly #options: ScriptedSupernodeOptions
  readonly #waiters = new Set<() => void>()
  #channel: Channel | undefined

  constructor(options: ScriptedSupernodeOptions = {}) {
    this.#options = options
  }

  get peer(): PeerId {
    return this.identity.peerId
  }

  get isConnected(): boolean {
    return this.#channel !== undefined
  }

  readonly dial: SupernodeDialer = async (signal) => {
    this.dials++
    this.#changed()
    await Promise.race([this.gate, rejectWhenAborted(signal)])
    signal.throwIfAborted()
    if (this.refusal !== undefined) throw this.refusal
    return this.#accept()
  }

  say(...bodies: Said[]): void {
    const batch = create(SupernodeBatchSchema, { messages: bodies.map((body) => ({ body })) })
    this.sayBytes(encode(SupernodeBatchSchema, batch))
  }

  /** One frame of any content. */
  sayBytes(bytes: Uint8Array): void {
    if (!this.isFrozen) this.#channel?.sendMessage(bytes)
  }

  /** Sends a DATA frame, which has no place here. */
  get channel(): Channel {
    if (this.#channel === undefined) throw new Error('no peer is connected')
    return this.#channel
  }

  /** The process dies. */
  drop(): void {
    this.#channel?.abort(new DamselflyError('CHANNEL_CLOSED', 'killed'))
  }

  all<C extends Heard['case']>(kind: C): HeardOf<C>[] {
    return this.heard.flatMap((body) => (body.case === kind ? [body.value as HeardOf<C>] : []))
  }

  /** Resolves with the first `count` messages of a kind, as soon as there are so many. */
  async whenHeard<C extends Heard['case']>(kind: C, count = 1): Promise<HeardOf<C>[]> {
    await this.when(() => this.all(kind).length >= count)
    return this.all(kind).slice(0, count)
  }

  when(holds: () => boolean): Promise<void> {
    return new Promise((resolve) => {
      const check = (): void => {
        if (!holds()) return
        this.#waiters.delete(check)
        resolve()
      }
      this.#waiters.add(check)
      check()
    })
  }

  #accept(): Channel {
    const { clock = systemClock } = this.#options
    const peers = [createIdentity().peerId, this.peer] as const
    const [near, far] = channelPair({ protocol: '/damselfly/control/1', clock, peers })
    this.#channel = far
    far.receive({
      message: (bytes) => this.#receive(bytes),
      data: () => undefined,
      closed: () => {
        if (this.#channel === far) this.#channel = undefined
        this.#changed()
      },
    })
    this.#changed()
    return near
  }

  #receive(bytes: Uint8Array): void {
    if (this.isFrozen) return
    const { messages } = decode(PeerBatchSchema, bytes, CHANNEL_LIMITS['/damselfly/control/1'].maxMessageBytes)
    this.batches.push(messages.length)
    for (const { body } of messages) {
      if (body.case === undefined) continue
      this.heard.push(body)
      this.#answer(body)
      this.onHeard(body)
    }
    this.#changed()
  }

  #answer(body: Heard): void {
    const { window = 8 } = this.#options
    if (body.case === 'hello' && window > 0) this.say({ case: 'welcome', value: { agent: 'scripted', window } })
    if (body.case === 'ping') this.say({ case: 'pong', value: {} })
  }

  #changed(): void {
    for (const check of this.#waiters) check()
  }
}

/** What a supernode says about one task, by name. */
export function saying(taskId: TaskId): (body: Said) => Said {
  const id = taskIdToBytes(taskId)
  return (body) => ({ ...body, value: { ...body.value, taskId: id } }) as Said
}

/** Enough turns of the event loop for a message to reach the other end of a channel and to have its effect. */
export async function turns(count = 8): Promise<void> {
  for (let i = 0; i < count; i++) await new Promise((resolve) => setImmediate(resolve))
}

function rejectWhenAborted(signal: AbortSignal): Promise<never> {
  return new Promise((_, reject) => {
    signal.addEventListener('abort', () => reject(signal.reason), { once: true })
  })
}
