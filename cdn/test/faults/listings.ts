import type { ListedContent } from '../../src/index.ts'
import type { FaultOrigin } from '../../src/testing/index.ts'

/** Two versions of it, which name as many contents. */
export type ListingVersion = 'good' | 'other'

/** A listing of one kind of origin, played by the fault origin. */
export interface Listing {
  readonly url: (origin: FaultOrigin, name: string) => string
  /** Where the fault origin serves it. */
  readonly path: (name: string) => string
  readonly body: (version: ListingVersion) => Buffer
  /** What of a listed content tells the versions apart. */
  readonly namesOf: (listed: readonly ListedContent[]) => string
}

const LENGTHS = [100, 2000, 30] as const

/** A manifest with a configuration and layers. */
export const IMAGE: Listing = {
  url: (origin, name) => `oci://${origin.authority}/team/${name}:v1`,
  path: (name) => `/v2/team/${name}/manifests/v1`,
  body: (version) => {
    const [config, ...layers] = LENGTHS.map((size, i) => ({ digest: `sha256:${`${version === 'good' ? 'a' : 'b'}${i}`.repeat(32)}`, size }))
    return Buffer.from(JSON.stringify({ schemaVersion: 2, config, layers }))
  },
  // The manifest itself comes first, and its digest says everything.
  namesOf: (listed) => listed.slice(1).map(({ url, size }) => `${url.slice(-64, -62)} ${size}`).join(),
}

/** A page of keys, which is the only one. */
export const KEYS: Listing = {
  url: (_origin, name) => `s3://${name}/`,
  path: (name) => `/${name}/`,
  body: (version) => {
    const contents = LENGTHS.map((size, i) => `<Contents><Key>${version}-${i}</Key><Size>${size}</Size></Contents>`)
    return Buffer.from(`<?xml version="1.0" encoding="UTF-8"?><ListBucketResult><IsTruncated>false</IsTruncated>${contents.join('')}</ListBucketResult>`)
  },
  namesOf: (listed) => listed.map(({ url, size }) => `${url.replace(/^.*\//, '')} ${size}`).join(),
}

/** What a listing of that version has to come to. */
export function namesIn(listing: Listing, version: ListingVersion): string {
  const isImage = listing === IMAGE
  return LENGTHS.map((size, i) => `${isImage ? `${version === 'good' ? 'a' : 'b'}${i}` : `${version}-${i}`} ${size}`).join()
}
