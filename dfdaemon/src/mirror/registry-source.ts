import type { SourceClient } from '@damselfly/cdn'
import { chunksOf, DamselflyError, type HeaderMap } from '@damselfly/shared'
import type { ContentRange } from '../http/range.ts'
import type { ContentSource } from './content-source.ts'

export interface RegistrySourceInit {
  readonly source: SourceClient
  readonly url: string
  /** The client's own, with its credentials. */
  readonly headers: HeaderMap
}

/**
 * A content straight from its registry, which is asked anew for each part: so nothing hangs on an address of a store behind it
 * that is good for minutes only.
 */
export class RegistrySource implements ContentSource {
  readonly name = 'registry'
  readonly #init: RegistrySourceInit
  #received = 0

  constructor(init: RegistrySourceInit) {
    this.#init = init
  }

  progress(): number {
    return this.#received
  }

  /** Bytes of the whole. @throws DamselflyError as the source client; the signal's reason */
  async contentLength(signal: AbortSignal): Promise<number> {
    const { contentLength } = await this.#init.source.probe({ ...this.#init, signal })
    if (contentLength === undefined) throw new DamselflyError('ORIGIN_STATUS', 'the registry does not tell the length of a content')
    return contentLength
  }

  async *read({ start, end }: ContentRange, signal: AbortSignal): AsyncGenerator<Uint8Array> {
    const answer = await this.#init.source.read({ ...this.#init, range: { start, end }, signal })
    // One that ignores the range gives what comes before it too.
    let skip = start - answer.start
    let left = end - start + 1
    for await (const bytes of chunksOf(answer.body)) {
      this.#received += bytes.length
      const wanted = bytes.subarray(Math.min(skip, bytes.length)).subarray(0, left)
      skip = Math.max(0, skip - bytes.length)
      left -= wanted.length
      if (wanted.length > 0) yield wanted
      if (left === 0) return
    }
  }

  async giveUp(): Promise<void> {
    // Every reading ends by itself.
  }
}
