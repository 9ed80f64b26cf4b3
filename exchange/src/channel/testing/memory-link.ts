import type { Clock } from '@damselfly/shared'
import type { ByteLink, ByteLinkHandler, Written } from '../byte-link.ts'

export interface MemoryLinkOptions {
  /** What may be under way in one direction; bytes. */
  readonly capacity: number
  /** How long bytes are under way; milliseconds. 0: until the next turn of the event loop. */
  readonly delayMs: number
  /** The most that arrives at once; bytes. */
  readonly portion: number
  readonly clock: Clock
}

/** Two ends of a link in memory. */
export function memoryLinkPair(options: MemoryLinkOptions): readonly [ByteLink, ByteLink] {
  const there = new Pipe(options)
  const back = new Pipe(options)
  return [new MemoryLink(there, back), new MemoryLink(back, there)]
}

class MemoryLink implements ByteLink {
  readonly #outgoing: Pipe
  readonly #incoming: Pipe

  constructor(outgoing: Pipe, incoming: Pipe) {
    this.#outgoing = outgoing
    this.#incoming = incoming
  }

  attach(handler: ByteLinkHandler): void {
    this.#incoming.attach(handler, () => this.#outgoing.isEnded)
  }

  write(parts: readonly Uint8Array[], written: Written): void {
    this.#outgoing.write(Buffer.concat(parts), written)
  }

  pause(): void {
    this.#incoming.pause()
  }

  resume(): void {
    this.#incoming.resume()
  }

  end(): void {
    this.#outgoing.end()
  }

  destroy(): void {
    this.#outgoing.break(new Error('the other side broke the link'))
    this.#incoming.break(undefined)
  }
}

interface Waiting {
  readonly bytes: Buffer
  readonly written: Written
}

/** One direction. */
class Pipe {
  readonly #options: MemoryLinkOptions
  #waiting: Waiting[] = []
  #underWay: Buffer[] = []
  #size = 0
  #handler: ByteLinkHandler | undefined
  #isOtherWayEnded = (): boolean => false
  #isPaused = false
  #isScheduled = false
  #isEnding = false
  #isEndTold = false
  #broken: { readonly error: Error | undefined } | undefined
  #isCloseTold = false

  constructor(options: MemoryLinkOptions) {
    this.#options = options
  }

  get isEnded(): boolean {
    return this.#isEnding
  }

  attach(handler: ByteLinkHandler, isOtherWayEnded: () => boolean): void {
    this.#handler = handler
    this.#isOtherWayEnded = isOtherWayEnded
    this.#schedule()
  }

  write(bytes: Buffer, written: Written): void {
    if (this.#isEnding || this.#broken !== undefined) {
      queueMicrotask(() => written(new Error('the link is closed')))
      return
    }
    this.#waiting.push({ bytes, written })
    this.#accept()
  }

  pause(): void {
    this.#isPaused = true
  }

  resume(): void {
    this.#isPaused = false
    this.#schedule()
  }

  end(): void {
    this.#isEnding = true
    this.#schedule()
  }

  break(error: Error | undefined): void {
    if (this.#broken !== undefined) return
    this.#broken = { error }
    this.#isEnding = true
    this.#underWay = []
    const waiting = this.#waiting.splice(0)
    queueMicrotask(() => {
      for (const { written } of waiting) written(error ?? new Error('the link is closed'))
    })
    this.#schedule()
  }

  #accept(): void {
    let accepted = 0
    for (const { bytes, written } of this.#waiting) {
      if (this.#size > 0 && this.#size + bytes.length > this.#options.capacity) break
      accepted++
      this.#size += bytes.length
      for (let at = 0; at < bytes.length; at += this.#options.portion) {
        this.#underWay.push(bytes.subarray(at, at + this.#options.portion))
      }
      queueMicrotask(() => written(undefined))
    }
    if (accepted === 0) return
    this.#waiting.splice(0, accepted)
    this.#schedule()
  }

  #schedule(): void {
    if (this.#isScheduled) return
    this.#isScheduled = true
    const deliver = (): void => {
      this.#isScheduled = false
      this.#deliver()
    }
    if (this.#options.delayMs === 0) setImmediate(deliver)
    else this.#options.clock.after(this.#options.delayMs, deliver)
  }

  #deliver(): void {
    const handler = this.#handler
    if (handler === undefined) return
    while (!this.#isPaused) {
      const bytes = this.#underWay.shift()
      if (bytes === undefined) break
      this.#size -= bytes.length
      handler.bytes(bytes)
      // As a socket with a read buffer of its own does: whoever kept a view of the bytes finds them changed.
      bytes.fill(0xee)
    }
    this.#accept()
    this.#tellOver(handler)
  }

  #tellOver(handler: ByteLinkHandler): void {
    const isRead = this.#underWay.length === 0 && this.#waiting.length === 0
    if (this.#isEnding && isRead && this.#broken === undefined && !this.#isEndTold) {
      this.#isEndTold = true
      handler.ended()
    }
    const isOver = this.#broken !== undefined || (this.#isEndTold && this.#isOtherWayEnded())
    if (isOver && !this.#isCloseTold) {
      this.#isCloseTold = true
      handler.closed(this.#broken?.error)
    }
  }
}
