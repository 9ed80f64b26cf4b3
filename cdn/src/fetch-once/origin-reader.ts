import { isDamselflyError, type ByteRange, type HeaderMap } from '@damselfly/shared'
import type { ContentSpec } from '../cdn.ts'
import type { OriginRequest, OriginResponse, OriginValidators, SourceClient } from '../source-client.ts'

export interface OriginReaderInit {
  readonly source: SourceClient
  readonly spec: ContentSpec
  readonly credentials: HeaderMap
  /** Who asked for it; undefined: nobody but this program. */
  readonly by?: string | undefined
  readonly signal: AbortSignal
  /** The origin has taken the credentials after it had refused the anonymous request. */
  readonly onAccess: () => void
}

/** Reads one content from its origin: anonymously as long as that will do, then with the caller's credentials. */
export class OriginReader {
  readonly #init: OriginReaderInit
  #needsCredentials = false

  constructor(init: OriginReaderInit) {
    this.#init = init
  }

  /** Whether the origin has refused the anonymous request and taken the credentials. */
  get needsCredentials(): boolean {
    return this.#needsCredentials
  }

  /** @param stop breaks this one off @throws as SourceClient.read, the reason of either signal */
  async read(range: ByteRange | undefined, ifMatch: OriginValidators | undefined, stop?: AbortSignal): Promise<OriginResponse> {
    const { credentials, onAccess, signal: ending } = this.#init
    const request = { range, ifMatch, signal: stop === undefined ? ending : AbortSignal.any([ending, stop]) }
    if (this.#needsCredentials) return await this.#readAs(credentials, request)
    try {
      return await this.#readAs(new Map(), request)
    } catch (error) {
      if (credentials.size === 0 || !mayNeedCredentials(error)) throw error
    }
    const response = await this.#readAs(credentials, request)
    this.#needsCredentials = true
    onAccess()
    return response
  }

  #readAs(credentials: HeaderMap, request: Pick<OriginRequest, 'range' | 'ifMatch' | 'signal'>): Promise<OriginResponse> {
    const { source, spec, by } = this.#init
    const headers = new Map([...spec.variantHeaders, ...credentials])
    return source.read({ url: spec.url, headers, by, ...request })
  }
}

/** Some origins deny to strangers that the content exists at all. */
export function mayNeedCredentials(error: unknown): boolean {
  return isDamselflyError(error, 'ORIGIN_UNAUTHORIZED') || isDamselflyError(error, 'ORIGIN_NOT_FOUND')
}
