/** Manifests and indexes in all forms that the field has, for registries that give only what is asked for. */
export const MANIFEST_TYPES: readonly string[] = [
  'application/vnd.oci.image.index.v1+json',
  'application/vnd.oci.image.manifest.v1+json',
  'application/vnd.docker.distribution.manifest.list.v2+json',
  'application/vnd.docker.distribution.manifest.v2+json',
  'application/vnd.docker.distribution.manifest.v1+prettyjws',
  'application/vnd.docker.distribution.manifest.v1+json',
]

/** What a manifest says that it is, or what it must be by its parts; undefined when it is none. */
export function mediaTypeOf(manifest: Uint8Array): string | undefined {
  const parsed = parse(manifest)
  if (parsed === undefined) return undefined
  const { mediaType, manifests, config, schemaVersion, signatures } = parsed
  if (typeof mediaType === 'string') return mediaType
  if (Array.isArray(manifests)) return MANIFEST_TYPES[0]
  if (typeof config === 'object') return MANIFEST_TYPES[1]
  if (schemaVersion === 1) return Array.isArray(signatures) ? MANIFEST_TYPES[4] : MANIFEST_TYPES[5]
  return undefined
}

function parse(bytes: Uint8Array): Readonly<Record<string, unknown>> | undefined {
  try {
    const value: unknown = JSON.parse(new TextDecoder().decode(bytes))
    return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : undefined
  } catch {
    return undefined
  }
}
