import type { OnReadOpts } from 'node:net'

/** What one read brings at most; bytes. */
const MOST_READ = 256 * 1024

/** Less room than this at the end is left unused; bytes. */
const LEAST_READ = 64 * 1024

/** Smaller reads are copied: only bulk has to be spared that; bytes. */
const LEAST_SHARED = 16 * 1024

/**
 * Memory that a dialled socket reads into, round and round, in place of a fresh buffer for every read. Each byte
 * stays as it is until `kept` more have been delivered; that is enough for whoever gathers records.
 */
export class ReadRing {
  readonly onread: OnReadOpts
  readonly #memory: Buffer
  #at = 0
  #deliver: (bytes: Uint8Array) => void = () => undefined

  /** @param kept bytes. */
  constructor(kept: number) {
    // A read at the start may take the place of bytes that many before the end.
    this.#memory = Buffer.allocUnsafeSlow(kept + MOST_READ + LEAST_READ)
    this.onread = {
      buffer: () => this.#next(),
      callback: (length, buffer) => {
        this.#at += length
        const bytes = buffer.subarray(0, length)
        this.#deliver(length < LEAST_SHARED ? new Uint8Array(bytes) : bytes)
        return true
      },
    }
  }

  deliverTo(deliver: (bytes: Uint8Array) => void): void {
    this.#deliver = deliver
  }

  #next(): Buffer {
    if (this.#memory.length - this.#at < LEAST_READ) this.#at = 0
    return this.#memory.subarray(this.#at, this.#at + MOST_READ)
  }
}
