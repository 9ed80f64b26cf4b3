import { createHash } from 'node:crypto'
import type { ChannelReceiver } from '../channel.ts'

/** A receiver that keeps what it gets and lets tests wait for it. */
export class Recorder implements ChannelReceiver {
  readonly messages: string[] = []
  dataBytes = 0
  /** Of all data frames of all streams, in order. */
  readonly dataHash = createHash('sha256')
  /** Bytes by stream. */
  readonly streams = new Map<number, number>()
  /** Called after each event; may pause a channel. */
  onEvent: () => void = () => undefined
  #ending: { readonly error: Error | undefined } | undefined
  readonly #waiters = new Set<() => void>()

  message(bytes: Uint8Array): void {
    this.messages.push(Buffer.from(bytes).toString())
    this.#changed()
  }

  data(stream: number, bytes: Uint8Array): void {
    this.dataBytes += bytes.length
    this.dataHash.update(bytes)
    this.streams.set(stream, (this.streams.get(stream) ?? 0) + bytes.length)
    this.#changed()
  }

  closed(error: Error | undefined): void {
    if (this.#ending !== undefined) throw new Error('closed was told twice')
    this.#ending = { error }
    this.#changed()
  }

  get isClosed(): boolean {
    return this.#ending !== undefined
  }

  /** The error that the channel ended with, once it has. */
  async whenClosed(): Promise<Error | undefined> {
    await this.when(() => this.isClosed)
    return this.#ending?.error
  }

  when(condition: () => boolean): Promise<void> {
    return new Promise((resolve) => {
      const check = (): void => {
        if (!condition()) return
        this.#waiters.delete(check)
        resolve()
      }
      this.#waiters.add(check)
      check()
    })
  }

  #changed(): void {
    this.onEvent()
    for (const check of this.#waiters) check()
  }
}
