import type { OriginRequest, SourceClient } from '@damselfly/cdn'
import { chunksOf, DamselflyError, isDamselflyError, type HeaderMap } from '@damselfly/shared'
import type { ContentRange } from '../http/range.ts'
import type { ContentSource } from './content-source.ts'

export interface RegistrySourceInit {
  readonly source: SourceClient
  readonly url: string
  /** The client's own, with its credentials; it was let in by them. */
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
    const { contentLength } = await this.#ask((headers) => this.#init.source.probe({ url: this.#init.url, headers, signal }))
    if (contentLength === undefined) throw new DamselflyError('ORIGIN_STATUS', 'the registry does not tell the length of a content')
    return contentLength
  }

  async *read({ start, end }: ContentRange, signal: AbortSignal): AsyncGenerator<Uint8Array> {
    const { source, url } = this.#init
    const answer = await this.#ask((headers) => source.read({ url, headers, range: { start, end }, signal }))
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

  /** A token may end before the content does; anybody's may be asked for then, since this client was let in. */
  async #ask<T>(ask: (headers: OriginRequest['headers']) => Promise<T>): Promise<T> {
    const { headers } = this.#init
    try {
      return await ask(headers)
    } catch (error) {
      if (!headers.has('authorization') || !isDamselflyError(error, 'ORIGIN_UNAUTHORIZED')) throw error
      return await ask(new Map([...headers].filter(([name]) => name !== 'authorization')))
    }
  }
}
