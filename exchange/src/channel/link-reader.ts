import { DamselflyError, messageOf } from '@damselfly/shared'
import type { ByteLink } from './byte-link.ts'

interface Wanted {
  readonly count: number
  readonly resolve: (bytes: Buffer) => void
  readonly reject: (error: unknown) => void
}

/** Reads a handshake of known lengths from a link. Keeps no more than was asked for and one portion of the link. */
export class LinkReader {
  readonly #link: ByteLink
  readonly #signal: AbortSignal
  #kept: Buffer = Buffer.alloc(0)
  #wanted: Wanted | undefined
  #failure: unknown

  constructor(link: ByteLink, signal: AbortSignal) {
    this.#link = link
    this.#signal = signal
    link.attach({
      bytes: (bytes) => this.#arrived(bytes),
      ended: () => this.#fail(new DamselflyError('CHANNEL_CLOSED', 'the other side ended the handshake')),
      closed: (error) => {
        const why = error === undefined ? '' : `: ${messageOf(error)}`
        this.#fail(new DamselflyError('CHANNEL_CLOSED', `the connection ended in the handshake${why}`, { cause: error }))
      },
    })
    signal.addEventListener('abort', this.#aborted, { once: true })
    if (signal.aborted) this.#aborted()
  }

  /** One read at a time. @throws DamselflyError CHANNEL_CLOSED, or the signal's reason */
  read(count: number): Promise<Buffer> {
    return new Promise((resolve, reject) => {
      this.#wanted = { count, resolve, reject }
      this.#settle()
    })
  }

  /** @returns what came behind the last read. The link goes to the next handler paused. */
  finish(): Uint8Array {
    this.#signal.removeEventListener('abort', this.#aborted)
    this.#link.pause()
    return this.#kept
  }

  readonly #aborted = (): void => this.#fail(this.#signal.reason)

  #arrived(bytes: Uint8Array): void {
    this.#kept = Buffer.concat([this.#kept, bytes])
    this.#settle()
  }

  #fail(error: unknown): void {
    this.#failure ??= error
    this.#settle()
  }

  #settle(): void {
    const wanted = this.#wanted
    if (wanted === undefined) {
      if (this.#kept.length > 0) this.#link.pause()
      return
    }
    if (this.#kept.length >= wanted.count) {
      this.#wanted = undefined
      const bytes = this.#kept.subarray(0, wanted.count)
      this.#kept = this.#kept.subarray(wanted.count)
      wanted.resolve(bytes)
    } else if (this.#failure === undefined) {
      this.#link.resume()
    } else {
      this.#wanted = undefined
      this.#signal.removeEventListener('abort', this.#aborted)
      wanted.reject(this.#failure)
    }
  }
}
