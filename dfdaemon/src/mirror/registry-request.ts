import { parseDigest, type Sha256 } from '@damselfly/shared'

/** What a request to a registry is about, as far as the mirror has more to do than to pass it on. */
export type RegistryTarget =
  | { readonly type: 'blob'; readonly repository: string; readonly digest: Sha256 }
  | { readonly type: 'manifest'; readonly repository: string; readonly digest: Sha256 }
  | { readonly type: 'tag'; readonly repository: string; readonly tag: string }
  /** What ought to be a digest is none. */
  | { readonly type: 'nonsense' }
  | { readonly type: 'other' }

export type TagTarget = Extract<RegistryTarget, { readonly type: 'tag' }>

/** A request as the registry itself would have got it. */
export interface RegistryRequest {
  /** Its name as image references have it, such as `docker.io` or `registry.test:5000`. */
  readonly registry: string
  /** From `/v2/` on, with the query that is meant for the registry. */
  readonly path: string
  readonly target: RegistryTarget
  /** What named the registry. */
  readonly namedBy: 'ns' | 'path' | 'usual'
}

/** As the distribution specification has it. */
const NAME = '[a-z0-9]+(?:(?:\\.|_|__|-+)[a-z0-9]+)*(?:/[a-z0-9]+(?:(?:\\.|_|__|-+)[a-z0-9]+)*)*'
const BLOB = new RegExp(`^/v2/(?<repository>${NAME})/blobs/(?<reference>sha256:[0-9a-f]{64})$`)
const MANIFEST = new RegExp(`^/v2/(?<repository>${NAME})/manifests/(?<reference>[^/]+)$`)
/** Of a kind that only the registry itself knows. */
const OTHER_DIGEST = /^(?!sha256:)[a-z0-9]+(?:[.+_-][a-z0-9]+)*:[\w=-]+$/
const TAG = /^\w[\w.-]{0,127}$/

/**
 * What begins a repository's path is a host where image references say so too. Those of podman have no colon there, so a port
 * may also stand behind two underscores, which no host's name has.
 */
const HOST_FIRST = /^\/v2\/(?<host>localhost(?:__\d+)?|[^/]*(?:[.:]|__\d+(?=\/))[^/]*)(?<rest>\/.*)$/i
const UNDERSCORED_PORT = /__(\d{1,5})$/
const HOST = /^(?:[a-z0-9](?:[a-z0-9.-]*[a-z0-9])?|\[[0-9a-f:.]+\])(?::\d{1,5})?$/i

/**
 * Reads where a request is to go: to the registry that `?ns=` names (containerd), the one that begins the path
 * (podman, CRI-O), or the usual one (docker).
 *
 * @param url the request's target, such as `/v2/library/alpine/manifests/3?ns=docker.io`
 * @returns undefined when it is no request to a registry
 */
export function readRegistryRequest(url: string, usual: string): RegistryRequest | undefined {
  const parsed = URL.parse(url, 'http://mirror.invalid')
  if (parsed === null || !isBelowV2(parsed.pathname)) return undefined
  const namespace = parsed.searchParams.get('ns')
  if (namespace !== null) return fromNamespace(parsed, namespace)
  const { host: written, rest } = HOST_FIRST.exec(parsed.pathname)?.groups ?? {}
  const host = written?.replace(UNDERSCORED_PORT, ':$1')
  if (host === undefined || rest === undefined) return requestTo('usual', usual, parsed.pathname, parsed.search)
  return isHost(host) ? requestTo('path', host.toLowerCase(), `/v2${rest}`, parsed.search) : undefined
}

function fromNamespace(url: URL, namespace: string): RegistryRequest | undefined {
  if (!isHost(namespace)) return undefined
  url.searchParams.delete('ns')
  return requestTo('ns', namespace.toLowerCase(), url.pathname, url.search)
}

/** Some look like hosts that no URL can have, such as `y.9`, which would be an address with too few parts. */
function isHost(text: string): boolean {
  return HOST.test(text) && URL.canParse(`http://${text}`)
}

function isBelowV2(path: string): boolean {
  return path === '/v2' || path.startsWith('/v2/')
}

function requestTo(namedBy: RegistryRequest['namedBy'], registry: string, path: string, query: string): RegistryRequest {
  return { namedBy, registry, path: path + query, target: query === '' ? targetOf(path) : { type: 'other' } }
}

function targetOf(path: string): RegistryTarget {
  const blob = BLOB.exec(path)?.groups
  if (blob !== undefined) return byDigest('blob', blob)
  const manifest = MANIFEST.exec(path)?.groups
  if (manifest === undefined) return { type: 'other' }
  const { repository = '', reference = '' } = manifest
  if (reference.startsWith('sha256:')) return byDigest('manifest', manifest)
  if (reference.includes(':')) return { type: OTHER_DIGEST.test(reference) ? 'other' : 'nonsense' }
  return TAG.test(reference) ? { type: 'tag', repository, tag: reference } : { type: 'other' }
}

function byDigest(type: 'blob' | 'manifest', { repository = '', reference = '' }: Record<string, string>): RegistryTarget {
  const digest = parseDigest(reference)
  return digest === undefined ? { type: 'nonsense' } : { type, repository, digest }
}
