import type { ListedContent, ListRequest, OriginInfo, OriginRequest, OriginResponse, SourceClient } from './source-client.ts'

/** A source client, one that can list, whose code is loaded when it is needed first: most downloads never need it. */
export function lazySource(schemes: readonly string[], load: () => Promise<SourceClient>): SourceClient {
  return new LazySource(schemes, load)
}

class LazySource implements SourceClient {
  readonly schemes: readonly string[]
  readonly #load: () => Promise<SourceClient>
  #loaded: Promise<SourceClient> | undefined

  constructor(schemes: readonly string[], load: () => Promise<SourceClient>) {
    this.schemes = schemes
    this.#load = load
  }

  async probe(request: OriginRequest): Promise<OriginInfo> {
    return await (await this.#client()).probe(request)
  }

  async read(request: OriginRequest): Promise<OriginResponse> {
    return await (await this.#client()).read(request)
  }

  async *list(request: ListRequest): AsyncIterable<ListedContent> {
    const client = await this.#client()
    if (client.list !== undefined) yield* client.list(request)
  }

  async close(): Promise<void> {
    await (await this.#loaded)?.close()
  }

  #client(): Promise<SourceClient> {
    return (this.#loaded ??= this.#load())
  }
}
