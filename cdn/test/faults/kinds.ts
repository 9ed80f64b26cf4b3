import assert from 'node:assert/strict'
import { formatDigest, systemClock, type Sha256 } from '@damselfly/shared'
import { createHttpSource, type S3Bucket, type SourceClient } from '../../src/index.ts'
import { createOciSource } from '../../src/oci/oci-source.ts'
import { RegistryAccess } from '../../src/oci/registry-access.ts'
import { createS3Source } from '../../src/s3/s3-source.ts'
import type { FaultOrigin } from '../../src/testing/index.ts'
import type { CreateSource } from '../fetch-once/cdn-fixture.ts'
import { IMAGE, KEYS, type Listing } from './listings.ts'

/** How long the clients of the crossing wait for an origin that says nothing; milliseconds. */
export interface Patience {
  readonly ms: number
}

/** One kind of origin, played by the fault origin. */
export interface Kind {
  readonly source: (patience: Patience) => CreateSource
  /** Where the fault origin serves what the URL names. */
  readonly path: (name: string, digest: Sha256) => string
  readonly url: (origin: FaultOrigin, name: string, digest: Sha256) => string
  /** Whether the URL itself names the digest. */
  readonly namesDigest: boolean
  /** Undefined where there is nothing to list. */
  readonly listing: Listing | undefined
}

const BUCKET: S3Bucket = { bucket: '*', region: 'us-east-1', machineCredentials: false }

const http = ({ ms }: Patience): SourceClient => createHttpSource({ policy: { allow: ['127.0.0.1'] }, limits: { headersTimeoutMs: ms, bodyIdleTimeoutMs: ms } })

export const KINDS = {
  http: {
    source: (patience) => () => http(patience),
    path: (name) => `/${name}`,
    url: (origin, name) => origin.url(`/${name}`),
    namesDigest: false,
    listing: undefined,
  },
  oci: {
    source: (patience) => (origin) => {
      const client = http(patience)
      const registries = [{ host: origin.authority, plainHttp: true }]
      const oci = createOciSource({ access: new RegistryAccess({ http: client, checkedHttp: client, registries, clock: systemClock }) })
      const close = async (): Promise<void> => {
        await oci.close()
        await client.close()
      }
      const list: SourceClient['list'] = (request) => oci.list?.(request) ?? assert.fail('no listing')
      return { schemes: oci.schemes, probe: (request) => oci.probe(request), read: (request) => oci.read(request), list, close }
    },
    path: (name, digest) => `/v2/team/${name}/blobs/${formatDigest(digest)}`,
    url: (origin, name, digest) => `oci://${origin.authority}/team/${name}@${formatDigest(digest)}`,
    namesDigest: true,
    listing: IMAGE,
  },
  s3: {
    source: ({ ms }) => (origin) =>
      createS3Source({ buckets: [{ ...BUCKET, endpoint: `http://${origin.authority}` }], limits: { headersTimeoutMs: ms, idleTimeoutMs: ms } }),
    path: (name) => `/bucket/${name}`,
    url: (_origin, name) => `s3://bucket/${name}`,
    namesDigest: false,
    listing: KEYS,
  },
} as const satisfies Record<string, Kind>

export type KindName = keyof typeof KINDS
