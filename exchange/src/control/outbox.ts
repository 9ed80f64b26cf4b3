import { create, encode, PeerBatchSchema, type MessageInitShape, type PeerMessageSchema } from '@damselfly/shared/wire'
import type { Channel } from '../channel/channel.ts'

export type OutgoingMessage = NonNullable<MessageInitShape<typeof PeerMessageSchema>['body']>

/** Beyond this a batch goes out at once, so that no frame grows past its limit. */
const MAX_BATCH = 256

/** Collects the messages of one turn of the event loop into one frame. */
export class Outbox {
  readonly #channel: Channel
  #queue: OutgoingMessage[] = []
  #scheduled = false

  constructor(channel: Channel) {
    this.#channel = channel
  }

  push(body: OutgoingMessage): void {
    this.#queue.push(body)
    if (this.#queue.length >= MAX_BATCH) this.#flush()
    else if (!this.#scheduled) {
      this.#scheduled = true
      setImmediate(() => this.#flush())
    }
  }

  /** Sends one message as a frame of its own, behind those that wait; for those that may be large. */
  pushAlone(body: OutgoingMessage): void {
    this.#flush()
    this.#queue.push(body)
    this.#flush()
  }

  #flush(): void {
    this.#scheduled = false
    if (this.#queue.length === 0) return
    const messages = this.#queue.map((body) => ({ body }))
    this.#queue = []
    try {
      this.#channel.sendMessage(encode(PeerBatchSchema, create(PeerBatchSchema, { messages })))
    } catch {
      // The channel is closing; its receiver hears of it and the messages are void.
    }
  }
}
