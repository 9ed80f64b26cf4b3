import type { BodyDecoder, Taken } from './body-decoder.ts'
import { LineReader } from './line-reader.ts'
import { ProtocolError } from './protocol-error.ts'
import { readField } from './response-head.ts'

/** The line that tells a chunk's size, with extensions that nobody uses; bytes. */
const SIZE_LINE_BYTES = 1024

/** All fields behind the last chunk together; bytes. */
const TRAILER_BYTES = 16 * 1024

const SIZE_LINE = /^([0-9a-f]{1,16})[\t ]*(?:;[\t\x20-\x7e\x80-\xff]*)?$/i
const NOTHING = new Uint8Array(0)

/** A body in chunks, each behind its size; trailers are read and dropped. */
export class ChunkedDecoder implements BodyDecoder {
  readonly endsWithConnection = false
  readonly #lines = new LineReader()
  #next: 'size' | 'content' | 'content-end' | 'trailer' | 'nothing' = 'size'
  /** Of the chunk's content. */
  #left = 0
  #trailerLeft = TRAILER_BYTES

  get isOver(): boolean {
    return this.#next === 'nothing'
  }

  take(bytes: Uint8Array): Taken {
    let count = 0
    while (count < bytes.length && !this.isOver) {
      const rest = count === 0 ? bytes : bytes.subarray(count)
      if (this.#next === 'content') {
        const content = this.#takeContent(rest)
        return { count: count + content.length, content }
      }
      count += this.#lines.take(rest, this.#mostOfLine)
      if (this.#lines.line !== undefined) this.#takeLine(this.#lines.line)
    }
    return { count, content: NOTHING }
  }

  get #mostOfLine(): number {
    if (this.#next === 'size') return SIZE_LINE_BYTES
    return this.#next === 'trailer' ? this.#trailerLeft : 2
  }

  #takeContent(bytes: Uint8Array): Uint8Array {
    const content = bytes.length > this.#left ? bytes.subarray(0, this.#left) : bytes
    this.#left -= content.length
    if (this.#left === 0) this.#next = 'content-end'
    return content
  }

  #takeLine(line: string): void {
    if (this.#next === 'size') {
      this.#left = readSize(line)
      this.#next = this.#left === 0 ? 'trailer' : 'content'
    } else if (this.#next === 'content-end') {
      if (line !== '') throw new ProtocolError('a chunk is longer than its size')
      this.#next = 'size'
    } else if (line === '') {
      this.#next = 'nothing'
    } else {
      readField(line)
      this.#trailerLeft -= line.length + 2
    }
  }
}

function readSize(line: string): number {
  const size = Number.parseInt(SIZE_LINE.exec(line)?.[1] ?? '', 16)
  if (!Number.isSafeInteger(size)) throw new ProtocolError('a chunk has no size that can be read')
  return size
}
