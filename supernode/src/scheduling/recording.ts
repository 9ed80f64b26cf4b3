import { once } from 'node:events'
import { createWriteStream, type WriteStream } from 'node:fs'
import { rename } from 'node:fs/promises'
import { diskError, messageOf, systemCode } from '@damselfly/shared'
import type { Logger } from '@damselfly/shared/logging'

/** What may wait in memory for a slow disk before the recording is given up; bytes. */
const MOST_WAITING = 64 * 1024 * 1024

export interface RecordingOptions {
  readonly path: string
  /** Where it ends; bytes. */
  readonly limit: number
  readonly logger: Logger
}

/** A text that grows in a file. Whatever happens to it, the supernode goes on. */
export class Recording {
  readonly #options: RecordingOptions
  readonly #stream: WriteStream
  #size = 0
  #isOpen = true

  private constructor(options: RecordingOptions, stream: WriteStream) {
    this.#options = options
    this.#stream = stream
    stream.on('error', (error) => this.#end(messageOf(error)))
  }

  /** @throws DamselflyError DISK_DENIED, DISK_FULL, DISK_FAILED */
  static async open(options: RecordingOptions): Promise<Recording> {
    const { path } = options
    try {
      await keepEarlier(path)
      const stream = createWriteStream(path, { mode: 0o600 })
      await once(stream, 'open')
      return new Recording(options, stream)
    } catch (error) {
      throw diskError(error, `record the scheduler in ${path}`)
    }
  }

  /** @param text whole lines */
  write(text: string): void {
    if (!this.#isOpen) return
    this.#size += text.length
    if (this.#size > this.#options.limit) return this.#end('it has the size that it may have')
    if (this.#stream.writableLength > MOST_WAITING) return this.#end('the disk is too slow')
    this.#stream.write(text)
  }

  /** Returns when all is written. Idempotent. */
  async stop(): Promise<void> {
    this.#isOpen = false
    if (this.#stream.closed) return
    const closed = once(this.#stream, 'close')
    this.#stream.end()
    await closed.catch(() => undefined)
  }

  #end(why: string): void {
    if (!this.#isOpen) return
    this.#isOpen = false
    this.#stream.end()
    this.#options.logger.warn({ path: this.#options.path, bytes: this.#size }, `the recording of the scheduler ends: ${why}`)
  }
}

/** The one of the run before may be what somebody wants to look at. */
async function keepEarlier(path: string): Promise<void> {
  try {
    await rename(path, `${path}.old`)
  } catch (error) {
    if (systemCode(error) !== 'ENOENT') throw error
  }
}
