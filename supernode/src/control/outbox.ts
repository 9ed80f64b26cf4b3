import { create, encode, SupernodeBatchSchema, SupernodeMessageSchema } from '@damselfly/shared/wire'
import type { MessageInitShape, SupernodeMessage } from '@damselfly/shared/wire'
import type { Channel } from '@damselfly/exchange'

/** What the supernode says to a peer, as the wire schema names it. */
export type SupernodeNews = NonNullable<MessageInitShape<typeof SupernodeMessageSchema>['body']>

/** A batch is closed once it weighs this much, far below the frame limit; bytes. */
const BATCH_BYTES = 1024 * 1024

/** A manifest above this would not fit into a frame together with others; bytes. */
export const MAX_MANIFEST_BYTES: number = 6 * 1024 * 1024

interface Queued {
  readonly message: SupernodeMessage
  readonly weight: number
}

/**
 * Collects what is sent to one peer in one turn of the event loop into one frame, and holds
 * back while the peer does not read.
 */
export class Outbox {
  readonly #channel: Channel
  readonly #maxQueuedBytes: number
  readonly #overflowed: () => void
  #queue: Queued[] = []
  #queuedBytes = 0
  #flushing = false
  #closed = false

  /** @param overflowed called once when more than `maxQueuedBytes` wait. */
  constructor(channel: Channel, maxQueuedBytes: number, overflowed: () => void) {
    this.#channel = channel
    this.#maxQueuedBytes = maxQueuedBytes
    this.#overflowed = overflowed
  }

  get queuedBytes(): number {
    return this.#queuedBytes
  }

  push(body: SupernodeNews): void {
    if (this.#closed) return
    const weight = weightOf(body)
    this.#queue.push({ message: create(SupernodeMessageSchema, { body }), weight })
    this.#queuedBytes += weight
    if (this.#queuedBytes > this.#maxQueuedBytes) {
      this.close()
      this.#overflowed()
      return
    }
    if (this.#flushing) return
    this.#flushing = true
    setImmediate(() => void this.#flush())
  }

  /**
   * What is always the same is encoded once, and sent at once unless others wait.
   *
   * @param frame the batch that has `body` alone
   */
  pushEncoded(frame: Uint8Array, body: SupernodeNews): void {
    if (this.#closed || this.#flushing) return this.push(body)
    this.#flushing = true
    this.#send(frame)
    void this.#flushWhenWritable()
  }

  /** Sends what waits at once, whether or not the peer reads, and takes nothing more. */
  finish(): void {
    while (!this.#closed && this.#queue.length > 0) this.#sendBatch()
    this.close()
  }

  /** Forgets what waits. */
  close(): void {
    this.#closed = true
    this.#queue = []
    this.#queuedBytes = 0
  }

  async #flush(): Promise<void> {
    while (!this.#closed && this.#queue.length > 0) {
      this.#sendBatch()
      await this.#writable()
    }
    this.#flushing = false
  }

  async #flushWhenWritable(): Promise<void> {
    await this.#writable()
    await this.#flush()
  }

  async #writable(): Promise<void> {
    try {
      await this.#channel.writable()
    } catch {
      // The channel's receiver hears of its end.
      this.close()
    }
  }

  #sendBatch(): void {
    let bytes = 0
    let count = 0
    for (const { weight } of this.#queue) {
      if (count > 0 && bytes + weight > BATCH_BYTES) break
      bytes += weight
      count++
    }
    const messages = this.#queue.splice(0, count).map(({ message }) => message)
    this.#queuedBytes -= bytes
    this.#send(encode(SupernodeBatchSchema, create(SupernodeBatchSchema, { messages })))
  }

  #send(frame: Uint8Array): void {
    try {
      this.#channel.sendMessage(frame)
    } catch {
      this.close()
    }
  }
}

/** Roughly what a message weighs in memory and on the wire; bytes. */
function weightOf(body: SupernodeNews): number {
  const base = 128
  if (body.case === 'registered') return base + (body.value?.content?.length ?? 0)
  if (body.case === 'parent') return base + 512
  if (body.case !== 'taskUpdate') return base
  return base + (body.value?.digests?.length ?? 0) * 40 + (body.value?.signedManifest?.length ?? 0)
}
