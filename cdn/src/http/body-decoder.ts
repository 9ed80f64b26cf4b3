import type { Framing } from './body-framing.ts'
import { ChunkedDecoder } from './chunked-decoder.ts'

/** What was taken of some bytes, and the part of the body that was in them. */
export interface Taken {
  /** Bytes, at least one. */
  readonly count: number
  readonly content: Uint8Array
}

/** Finds the content of one body in bytes that are cut anywhere. */
export interface BodyDecoder {
  /** No byte more belongs to it. */
  readonly isOver: boolean
  /** Whether the body is whole if the connection ends now. */
  readonly endsWithConnection: boolean
  /**
   * Takes bytes as far as the next part of the content goes, if any is in them; not after the end.
   *
   * @throws ProtocolError
   */
  take(bytes: Uint8Array): Taken
}

export function createBodyDecoder(framing: Framing): BodyDecoder {
  if (framing.type === 'chunked') return new ChunkedDecoder()
  return framing.type === 'length' ? new LengthDecoder(framing.length) : UNTIL_CLOSE
}

class LengthDecoder implements BodyDecoder {
  readonly endsWithConnection = false
  #left: number

  constructor(length: number) {
    this.#left = length
  }

  get isOver(): boolean {
    return this.#left === 0
  }

  take(bytes: Uint8Array): Taken {
    const content = bytes.length > this.#left ? bytes.subarray(0, this.#left) : bytes
    this.#left -= content.length
    return { count: content.length, content }
  }
}

const UNTIL_CLOSE: BodyDecoder = {
  isOver: false,
  endsWithConnection: true,
  take: (bytes) => ({ count: bytes.length, content: bytes }),
}
