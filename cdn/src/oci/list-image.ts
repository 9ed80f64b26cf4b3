import { DamselflyError, parseDigest } from '@damselfly/shared'
import type { ListedContent, ListRequest } from '../source-client.ts'
import { fetchManifest, type Descriptor } from './manifest.ts'
import { ociUrl, type OciReference } from './reference.ts'
import type { RegistryClient } from './registry-client.ts'

/** An index may name others; no honest one goes deeper. */
const MAX_DEPTH = 3

/** All that has to be fetched to have an image: indexes, manifests, configurations and layers, each once. */
export async function* listImage(client: RegistryClient, reference: OciReference, request: ListRequest): AsyncGenerator<ListedContent> {
  yield* new ImageListing(client, reference, request).list(reference, 0)
}

class ImageListing {
  readonly #client: RegistryClient
  readonly #reference: OciReference
  readonly #request: ListRequest
  readonly #listed = new Set<string>()

  constructor(client: RegistryClient, reference: OciReference, request: ListRequest) {
    this.#client = client
    this.#reference = reference
    this.#request = request
  }

  async *list(reference: OciReference, depth: number): AsyncGenerator<ListedContent> {
    const { digest, size, content } = await fetchManifest(this.#client, reference, this.#request)
    yield* this.#once({ digest, size })
    if (content.type === 'image') {
      for (const blob of content.blobs) if (blob.urls === undefined || blob.urls.length === 0) yield* this.#once(blob)
      return
    }
    if (depth >= MAX_DEPTH) throw new DamselflyError('ORIGIN_STATUS', `${this.#request.url} is an index of indexes of indexes`)
    for (const manifest of this.#chosen(content.manifests)) {
      if (!this.#listed.has(manifest.digest)) yield* this.list({ ...reference, tag: undefined, digest: manifest.digest }, depth + 1)
    }
  }

  *#once({ digest, size }: Pick<Descriptor, 'digest' | 'size'>): Generator<ListedContent> {
    if (this.#listed.has(digest)) return
    this.#listed.add(digest)
    yield { url: ociUrl(this.#reference, digest), size, digest: parseDigest(digest) }
  }

  /** @throws DamselflyError ORIGIN_NOT_FOUND when the image is for none of the platforms that were asked for */
  #chosen(manifests: readonly Descriptor[]): readonly Descriptor[] {
    const { platforms, url } = this.#request
    if (platforms === undefined) return manifests
    const chosen = manifests.filter(({ platform }) => platforms.some((wanted) => isFor(platform, wanted)))
    if (chosen.length > 0) return chosen
    const there = manifests.map(({ platform }) => nameOf(platform)).join(', ')
    throw new DamselflyError('ORIGIN_NOT_FOUND', `${url} has nothing for ${platforms.join(', ')}; there is ${there}`)
  }
}

/** `linux/arm` means all its variants. */
function isFor(platform: Descriptor['platform'], wanted: string): boolean {
  const name = nameOf(platform)
  return name === wanted || name.startsWith(`${wanted}/`)
}

function nameOf(platform: Descriptor['platform']): string {
  if (platform === undefined) return 'unknown'
  const { os, architecture, variant } = platform
  return variant === undefined || variant === '' ? `${os}/${architecture}` : `${os}/${architecture}/${variant}`
}
