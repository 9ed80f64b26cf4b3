import { DamselflyError, redactUrl } from '@damselfly/shared'
import type { OriginInfo, OriginRequest, OriginResponse, SourceClient } from './source-client.ts'

/**
 * One source client for all schemes of `clients`; it throws URL_REFUSED for others.
 * Closing it closes them.
 *
 * @throws RangeError when two clients serve the same scheme
 */
export function createSourceRegistry(clients: readonly SourceClient[]): SourceClient {
  return new SourceRegistry(clients)
}

class SourceRegistry implements SourceClient {
  readonly #byScheme = new Map<string, SourceClient>()

  constructor(clients: readonly SourceClient[]) {
    for (const client of clients) for (const scheme of client.schemes) this.#add(scheme, client)
  }

  get schemes(): readonly string[] {
    return [...this.#byScheme.keys()]
  }

  async probe(request: OriginRequest): Promise<OriginInfo> {
    return await this.#clientFor(request.url).probe(request)
  }

  async read(request: OriginRequest): Promise<OriginResponse> {
    return await this.#clientFor(request.url).read(request)
  }

  async close(): Promise<void> {
    await Promise.all([...new Set(this.#byScheme.values())].map((client) => client.close()))
  }

  #add(scheme: string, client: SourceClient): void {
    if (this.#byScheme.has(scheme)) throw new RangeError(`two source clients serve ${scheme}`)
    this.#byScheme.set(scheme, client)
  }

  #clientFor(url: string): SourceClient {
    const scheme = URL.parse(url)?.protocol
    const client = scheme === undefined ? undefined : this.#byScheme.get(scheme)
    if (client !== undefined) return client
    const what = scheme === undefined ? 'is not a URL' : `has the scheme ${scheme}`
    throw new DamselflyError('URL_REFUSED', `'${redactUrl(url)}' ${what}; supported are ${this.schemes.join(', ')}`)
  }
}
