import { isDamselflyError } from '@damselfly/shared'
import { create, encode, PeerBatchSchema, type MessageInitShape, type PeerMessageSchema } from '@damselfly/shared/wire'
import type { Channel } from '../channel/channel.ts'

export type OutgoingMessage = NonNullable<MessageInitShape<typeof PeerMessageSchema>['body']>

/** Beyond this a batch goes out at once, so that no frame grows past its limit. */
const MAX_BATCH = 256

/** Collects the messages of one turn of the event loop into one frame. */
export class Outbox {
  readonly #channel: Channel
  #queue: OutgoingMessage[] = []
  #scheduled: NodeJS.Immediate | undefined

  constructor(channel: Channel) {
    this.#channel = channel
  }

  push(body: OutgoingMessage): void {
    this.#queue.push(body)
    if (this.#queue.length >= MAX_BATCH) this.flush()
    else this.#scheduled ??= setImmediate(() => this.flush())
  }

  /**
   * Sends one message as a frame of its own, behind those that wait; for those that may be large.
   *
   * @throws RangeError when it is larger than a frame may be
   */
  pushAlone(body: OutgoingMessage): void {
    this.flush()
    this.#send([body])
  }

  /** Sends what waits. */
  flush(): void {
    clearImmediate(this.#scheduled)
    this.#scheduled = undefined
    const bodies = this.#queue
    this.#queue = []
    if (bodies.length > 0) this.#send(bodies)
  }

  #send(bodies: readonly OutgoingMessage[]): void {
    const batch = encode(PeerBatchSchema, create(PeerBatchSchema, { messages: bodies.map((body) => ({ body })) }))
    try {
      this.#channel.sendMessage(batch)
    } catch (error) {
      // A channel that is over has told its receiver, and the messages are void.
      if (!isDamselflyError(error, 'CHANNEL_CLOSED')) throw error
    }
  }
}
