import { ProtocolError } from './protocol-error.ts'

const LINE_FEED = 10

/** Reads lines that end in CR LF from bytes that are cut anywhere. */
export class LineReader {
  #partial = ''
  #line: string | undefined

  /** What has come so far of a line whose end has not. */
  get partial(): string {
    return this.#partial
  }

  /** The line that the last call of `take` has ended, without its end. */
  get line(): string | undefined {
    return this.#line
  }

  /**
   * Takes bytes up to the end of one line.
   *
   * @param most bytes that the line may have, its end counted
   * @returns how many were taken
   * @throws ProtocolError
   */
  take(bytes: Uint8Array, most: number): number {
    this.#line = undefined
    const room = most - this.#partial.length
    const end = bytes.subarray(0, Math.max(0, room)).indexOf(LINE_FEED)
    if (end !== -1) {
      const text = this.#partial + latin1(bytes.subarray(0, end))
      this.#partial = ''
      if (!text.endsWith('\r')) throw new ProtocolError('a line does not end in CR LF')
      this.#line = text.slice(0, -1)
      return end + 1
    }
    if (bytes.length >= room) throw new ProtocolError(`a line goes past the ${most} bytes that are left for it`)
    this.#partial += latin1(bytes)
    return bytes.length
  }
}

function latin1(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString('latin1')
}
