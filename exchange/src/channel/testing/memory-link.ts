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
      this.#underWay.push(bytes)
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
    let isLast = this.#isPaused
    while (!isLast && this.#underWay.length > 0) {
      // As with a socket, one portion that is on its way still comes after a pause.
      isLast = this.#isPaused
      this.#handOver(handler, this.#nextPortion())
    }
    this.#accept()
    this.#tellOver(handler)
  }

  /** Joins what was written in small parts and cuts what was written in large ones. */
  #nextPortion(): Buffer {
    const parts: Buffer[] = []
    let room = this.#options.portion
    for (const bytes of this.#underWay) {
      parts.push(bytes.subarray(0, room))
      room -= Math.min(room, bytes.length)
      if (room === 0) break
    }
    const last = parts.at(-1)
    const rest = this.#underWay[parts.length - 1]?.subarray(last?.length ?? 0)
    this.#underWay.splice(0, parts.length, ...(rest === undefined || rest.length === 0 ? [] : [rest]))
    return Buffer.concat(parts)
  }

  #handOver(handler: ByteLinkHandler, portion: Buffer): void {
    this.#size -= portion.length
    handler.bytes(portion)
    // As with a read buffer that is used again: whoever kept a view finds other bytes in it.
    portion.fill(0xee)
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
