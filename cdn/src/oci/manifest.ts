import { DamselflyError, formatDigest, sha256 } from '@damselfly/shared'
import * as z from 'zod'
import { collectWithin } from '../collect-within.ts'
import type { OciReference } from './reference.ts'
import type { RegistryClient, RegistryRequest } from './registry-client.ts'

/** Kinds of manifests that are understood here, as an Accept header. */
export const MANIFEST_TYPES = [
  'application/vnd.oci.image.index.v1+json',
  'application/vnd.oci.image.manifest.v1+json',
  'application/vnd.docker.distribution.manifest.list.v2+json',
  'application/vnd.docker.distribution.manifest.v2+json',
].join(', ')

/** Registries take no larger manifest; bytes. */
const MAX_MANIFEST = 4 * 1024 ** 2
/** More than any image has; against lists that never end. */
const MAX_ENTRIES = 4096

const descriptor = z.object({
  digest: z.string().regex(/^sha256:[0-9a-f]{64}$/),
  size: z.number().int().min(0),
  /** Where else it is; the registry does not keep such a blob. */
  urls: z.array(z.string()).optional(),
  platform: z.object({ os: z.string(), architecture: z.string(), variant: z.string().optional() }).optional(),
})

const index = z.object({ manifests: z.array(descriptor).max(MAX_ENTRIES) })
const image = z.object({ config: descriptor, layers: z.array(descriptor).max(MAX_ENTRIES) })

export type Descriptor = z.output<typeof descriptor>

/** A manifest of one image, or an index of several. */
export interface Manifest {
  /** `sha256:…` */
  readonly digest: string
  /** Bytes. */
  readonly size: number
  readonly content: { readonly type: 'index'; readonly manifests: readonly Descriptor[] } | { readonly type: 'image'; readonly blobs: readonly Descriptor[] }
}

/** @throws DamselflyError DIGEST_MISMATCH; ORIGIN_STATUS for what is no manifest; as the source client of HTTP does */
export async function fetchManifest(
  client: RegistryClient,
  reference: OciReference,
  { headers, signal }: Pick<RegistryRequest, 'headers' | 'signal'>,
): Promise<Manifest> {
  const { registry, repository, digest: wanted, tag = 'latest' } = reference
  const shown = `oci://${registry}/${repository}${wanted === undefined ? `:${tag}` : `@${wanted}`}`
  const { body } = await client.read({ registry, repository, path: `manifests/${wanted ?? tag}`, accept: MANIFEST_TYPES, headers, signal })
  const bytes = await collectWithin(body, MAX_MANIFEST, shown)
  const digest = formatDigest(sha256(bytes))
  if (wanted !== undefined && wanted !== digest) throw new DamselflyError('DIGEST_MISMATCH', `${shown} has ${digest}`)
  return { digest, size: bytes.length, content: readContent(bytes, shown) }
}

function readContent(bytes: Buffer, shown: string): Manifest['content'] {
  const read = jsonOf(bytes)
  const many = index.safeParse(read)
  if (many.success) return { type: 'index', manifests: many.data.manifests }
  const one = image.safeParse(read)
  if (one.success) return { type: 'image', blobs: [one.data.config, ...one.data.layers] }
  throw new DamselflyError('ORIGIN_STATUS', `${shown} is no manifest of an OCI or Docker image`)
}

function jsonOf(bytes: Buffer): unknown {
  try {
    return JSON.parse(bytes.toString('utf8'))
  } catch {
    return undefined
  }
}
