import { DamselflyError, isDamselflyError, redactUrl } from '@damselfly/shared'
import type { ListedContent, ListRequest, OriginInfo, OriginRequest, OriginResponse, SourceClient } from '../source-client.ts'
import { listImage } from './list-image.ts'
import { MANIFEST_TYPES } from './manifest.ts'
import { parseOciUrl } from './reference.ts'
import type { RegistryAccess } from './registry-access.ts'
import { RegistryClient, type RegistryRequest } from './registry-client.ts'

export interface OciSourceInit {
  /** Closed with this source. */
  readonly access: RegistryAccess
  /** Whether somebody else may have a login that is missing here: then NO_SOURCE_CLIENT is told instead of ORIGIN_UNAUTHORIZED. @default false */
  readonly othersMayLogIn?: boolean | undefined
}

/**
 * A source client for `oci://registry/repository@sha256:…`, a blob or manifest of a registry, which lists
 * what belongs to an image, `oci://registry/repository:tag`.
 */
export function createOciSource(init: OciSourceInit): SourceClient {
  return new OciSource(init)
}

class OciSource implements SourceClient {
  readonly schemes: readonly string[] = ['oci:']
  readonly #init: OciSourceInit
  readonly #registry: RegistryClient

  constructor(init: OciSourceInit) {
    this.#init = init
    this.#registry = new RegistryClient(init.access)
  }

  async probe(request: OriginRequest): Promise<OriginInfo> {
    const { digest, blob, manifest } = requestsFor(request)
    const info = await this.#ask(request, () => orElse(() => this.#registry.probe(blob), () => this.#registry.probe(manifest)))
    return { contentLength: info.contentLength, acceptsRanges: info.acceptsRanges, validators: validatorsOf(digest) }
  }

  async read(request: OriginRequest): Promise<OriginResponse> {
    const { digest, blob, manifest } = requestsFor(request)
    const response = await this.#ask(request, () => orElse(() => this.#registry.read(blob), () => this.#registry.read(manifest)))
    return { ...response, validators: validatorsOf(digest) }
  }

  list(request: ListRequest): AsyncIterable<ListedContent> {
    return listImage(this.#registry, parseOciUrl(request.url), request)
  }

  async close(): Promise<void> {
    await this.#init.access.close()
  }

  /** Who brings no login of its own and has none here may still be helped by somebody who has. */
  async #ask<T>({ url, headers }: OriginRequest, ask: () => Promise<T>): Promise<T> {
    try {
      return await ask()
    } catch (error) {
      const isMissing = this.#init.othersMayLogIn === true && !headers.has('authorization') && isDamselflyError(error, 'ORIGIN_UNAUTHORIZED')
      if (!isMissing) throw error
      throw new DamselflyError('NO_SOURCE_CLIENT', `${redactUrl(url)}: the registry wants a login that is not configured here`, { cause: error })
    }
  }
}

interface RequestsFor {
  readonly digest: string
  readonly blob: RegistryRequest
  readonly manifest: RegistryRequest
}

/** @throws DamselflyError URL_REFUSED */
function requestsFor({ url, headers, range, signal }: OriginRequest): RequestsFor {
  const { registry, repository, digest } = parseOciUrl(url)
  if (digest === undefined) {
    throw new DamselflyError('URL_REFUSED', `'${redactUrl(url)}' names an image, which is many contents: give the digest of one, as @sha256:…`)
  }
  const common = { registry, repository, headers, range, signal }
  const blob = { ...common, path: `blobs/${digest}` }
  return { digest, blob, manifest: { ...common, path: `manifests/${digest}`, accept: MANIFEST_TYPES } }
}

/** Registries keep manifests apart from blobs, while a digest does not say which of them it names; blobs are far more. */
async function orElse<T>(blob: () => Promise<T>, manifest: () => Promise<T>): Promise<T> {
  try {
    return await blob()
  } catch (error) {
    if (!isDamselflyError(error, 'ORIGIN_NOT_FOUND')) throw error
    return await manifest().catch((second: unknown) => Promise.reject(isDamselflyError(second, 'ORIGIN_NOT_FOUND') ? error : second))
  }
}

/** The content behind a digest never changes, whatever the registry or the store behind it says. */
function validatorsOf(digest: string): OriginInfo['validators'] {
  return { etag: `"${digest}"`, lastModified: '' }
}
