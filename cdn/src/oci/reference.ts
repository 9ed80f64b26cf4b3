import { DamselflyError, parseDigest, redactUrl, type Sha256 } from '@damselfly/shared'

/** What an `oci:` URL names: a blob or manifest by its digest, or an image by its tag. */
export interface OciReference {
  /** `host` or `host:port`, in lower case. */
  readonly registry: string
  readonly repository: string
  readonly tag: string | undefined
  /** `sha256:…` */
  readonly digest: string | undefined
}

const NAME = '[a-z0-9]+(?:(?:[._]|__|-+)[a-z0-9]+)*'
const PATH = new RegExp(`^/(?<repository>${NAME}(?:/${NAME})*)(?::(?<tag>\\w[\\w.-]{0,127}))?(?:@(?<digest>sha256:[0-9a-f]{64}))?$`)

/** Longer names are refused by registries; characters. */
const MAX_REPOSITORY_LENGTH = 255

/** Reads `oci://registry/repository`, with `:tag` or `@sha256:…` behind it. @throws DamselflyError URL_REFUSED */
export function parseOciUrl(text: string): OciReference {
  const url = URL.parse(text)
  const parts = url?.protocol === 'oci:' && url.host !== '' && url.search === '' ? PATH.exec(url.pathname)?.groups : undefined
  const repository = parts?.['repository'] ?? ''
  if (url === null || repository === '' || repository.length > MAX_REPOSITORY_LENGTH) {
    const wanted = 'oci://REGISTRY/REPOSITORY@sha256:… for a blob, or oci://REGISTRY/REPOSITORY:TAG for an image'
    throw new DamselflyError('URL_REFUSED', `'${redactUrl(text)}' names nothing in a registry: give ${wanted}`)
  }
  return { registry: url.host.toLowerCase(), repository, tag: parts?.['tag'], digest: parts?.['digest'] }
}

/** The URL of one blob or manifest. @param digest `sha256:…` */
export function ociUrl({ registry, repository }: Pick<OciReference, 'registry' | 'repository'>, digest: string): string {
  return `oci://${registry}/${repository}@${digest}`
}

/** The digest that a URL itself names for its content: then mirrors of that content share a task. */
export function digestNamedBy(url: URL): Sha256 | undefined {
  const [, digest] = url.protocol === 'oci:' ? (/@(sha256:[0-9a-f]{64})$/.exec(url.pathname) ?? []) : []
  return digest === undefined ? undefined : parseDigest(digest)
}
