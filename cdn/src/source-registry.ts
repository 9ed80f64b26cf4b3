import { DamselflyError, redactUrl } from '@damselfly/shared'
import type { ListedContent, ListRequest, OriginInfo, OriginRequest, OriginResponse, SourceClient } from './source-client.ts'

/**
 * One source client for all schemes of `clients`; it throws NO_SOURCE_CLIENT for others.
 * Closing it closes them.
 *
 * @throws DamselflyError CONFIG_INVALID when two clients serve the same scheme
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

  async *list(request: ListRequest): AsyncIterable<ListedContent> {
    const client = this.#clientFor(request.url)
    if (client.list === undefined) {
      throw new DamselflyError('URL_REFUSED', `'${redactUrl(request.url)}' cannot be listed: ${client.schemes.join(' and ')} URLs name one content each`)
    }
    yield* client.list(request)
  }

  async close(): Promise<void> {
    await Promise.all([...new Set(this.#byScheme.values())].map((client) => client.close()))
  }

  #add(scheme: string, client: SourceClient): void {
    if (this.#byScheme.has(scheme)) throw new DamselflyError('CONFIG_INVALID', `two source clients serve ${scheme}`)
    this.#byScheme.set(scheme, client)
  }

  #clientFor(url: string): SourceClient {
    const scheme = URL.parse(url)?.protocol
    const client = scheme === undefined ? undefined : this.#byScheme.get(scheme)
    if (client !== undefined) return client
    if (scheme === undefined) throw new DamselflyError('URL_REFUSED', `'${redactUrl(url)}' is not a URL`)
    const message = `nothing here can fetch '${redactUrl(url)}': the schemes that can be are ${this.schemes.join(', ')}`
    throw new DamselflyError('NO_SOURCE_CLIENT', message)
  }
}
