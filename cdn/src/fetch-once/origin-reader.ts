import { isDamselflyError, type ByteRange, type HeaderMap } from '@damselfly/shared'
import type { ContentSpec } from '../cdn.ts'
import type { OriginResponse, OriginValidators, SourceClient } from '../source-client.ts'

/** Reads one content from its origin: anonymously as long as that will do, then with the caller's credentials. */
export class OriginReader {
  readonly #source: SourceClient
  readonly #spec: ContentSpec
  readonly #credentials: HeaderMap
  readonly #signal: AbortSignal
  #needsCredentials = false

  constructor(source: SourceClient, spec: ContentSpec, credentials: HeaderMap, signal: AbortSignal) {
    this.#source = source
    this.#spec = spec
    this.#credentials = credentials
    this.#signal = signal
  }

  /** Whether the origin has refused the anonymous request and taken the credentials. */
  get needsCredentials(): boolean {
    return this.#needsCredentials
  }

  async read(range: ByteRange | undefined, ifMatch: OriginValidators | undefined): Promise<OriginResponse> {
    if (this.#needsCredentials) return await this.#readAs(this.#credentials, range, ifMatch)
    try {
      return await this.#readAs(new Map(), range, ifMatch)
    } catch (error) {
      if (this.#credentials.size === 0 || !mayNeedCredentials(error)) throw error
    }
    const response = await this.#readAs(this.#credentials, range, ifMatch)
    this.#needsCredentials = true
    return response
  }

  #readAs(
    credentials: HeaderMap,
    range: ByteRange | undefined,
    ifMatch: OriginValidators | undefined,
  ): Promise<OriginResponse> {
    const headers = new Map([...this.#spec.variantHeaders, ...credentials])
    return this.#source.read({ url: this.#spec.url, headers, range, ifMatch, signal: this.#signal })
  }
}

/** Some origins deny to strangers that the content exists at all. */
export function mayNeedCredentials(error: unknown): boolean {
  return isDamselflyError(error, 'ORIGIN_UNAUTHORIZED') || isDamselflyError(error, 'ORIGIN_NOT_FOUND')
}
