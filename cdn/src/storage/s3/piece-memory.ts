import { giveBack } from '@damselfly/exchange/store-parts'

/** What a piece of so many bytes takes: there are few sizes of pieces, and memory of one of them fits the last, shorter piece of a content too. */
export function capacityFor(length: number): number {
  return 2 ** Math.ceil(Math.log2(Math.max(1, length)))
}

/**
 * Memory for pieces that is used again. What is left to the garbage collector instead lies there until it runs, and where it lay
 * stays with the process for long after: several times of what is in use.
 */
export class PieceMemory {
  readonly #maxBytes: number
  /** By size. */
  readonly #free = new Map<number, ArrayBuffer[]>()
  /** By what was handed out, which is new each time, so that giving back twice does no harm to the next user. */
  readonly #taken = new Map<Buffer, ArrayBuffer>()
  readonly #lent = new WeakSet<ArrayBuffer>()
  #bytes = 0

  /** @param maxBytes of what is free and taken together; more are taken where they must be, and none are free then */
  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes
  }

  /** Bytes that it has, free ones too. */
  get bytes(): number {
    return this.#bytes
  }

  /** @returns a buffer of that length, with anything in it */
  take(length: number): Buffer {
    const capacity = capacityFor(length)
    const memory = this.#free.get(capacity)?.pop() ?? this.#allocate(capacity)
    const bytes = Buffer.from(memory, 0, length)
    this.#taken.set(bytes, memory)
    return bytes
  }

  /** Somebody else may still read it when it is released, such as a connection, and nobody will say when that ends: it is not used again. */
  lend(bytes: Buffer): void {
    const memory = this.#taken.get(bytes)
    if (memory !== undefined) this.#lent.add(memory)
  }

  /** Nobody reads or writes it any more, unless it was lent. Nothing happens when it was released already. */
  release(bytes: Buffer): void {
    const memory = this.#taken.get(bytes)
    if (memory === undefined) return
    this.#taken.delete(bytes)
    if (this.#lent.has(memory)) this.#bytes -= memory.byteLength
    else if (this.#bytes > this.#maxBytes) this.#drop(memory)
    else this.#keep(memory)
  }

  #keep(memory: ArrayBuffer): void {
    const alike = this.#free.get(memory.byteLength)
    if (alike === undefined) this.#free.set(memory.byteLength, [memory])
    else alike.push(memory)
  }

  /** Free memory of other sizes makes room. */
  #allocate(capacity: number): ArrayBuffer {
    for (const alike of this.#free.values()) {
      while (this.#bytes + capacity > this.#maxBytes) {
        const memory = alike.pop()
        if (memory === undefined) break
        this.#drop(memory)
      }
    }
    this.#bytes += capacity
    // One that may change its length has pages of its own, which go back to the system with it; other memory of these sizes stays with the process.
    return new ArrayBuffer(capacity, { maxByteLength: capacity })
  }

  #drop(memory: ArrayBuffer): void {
    this.#bytes -= memory.byteLength
    giveBack(new Uint8Array(memory))
  }
}
