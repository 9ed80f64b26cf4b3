import type { S3Client } from '@aws-sdk/client-s3'
import { DamselflyError, type HeaderMap } from '@damselfly/shared'
import { Secret } from '@damselfly/shared/config'
import type { S3Bucket } from './s3-bucket-settings.ts'
import { createS3Client } from './s3-client.ts'
import type { S3Limits } from './s3-limits.ts'

interface KnownBucket {
  readonly settings: S3Bucket
  readonly fits: RegExp
  client: S3Client | undefined
}

/** One client for each entry of the configuration, made when it is needed first. */
export class S3Clients {
  readonly #limits: Partial<S3Limits>
  readonly #buckets: readonly KnownBucket[]

  constructor(buckets: readonly S3Bucket[], limits: Partial<S3Limits>) {
    this.#limits = limits
    this.#buckets = buckets.map((settings) => ({ settings, fits: globOf(settings.bucket), client: undefined }))
  }

  /** @param headers of the caller, whose key goes before the configured one @throws DamselflyError NO_SOURCE_CLIENT */
  for(bucket: string, headers: HeaderMap, shown: string): S3Client {
    const known = this.#buckets.find(({ fits }) => fits.test(bucket))
    if (known === undefined) throw new DamselflyError('NO_SOURCE_CLIENT', `${shown}: no access to the bucket ${bucket} is configured here`)
    const configured = (known.client ??= createS3Client(known.settings, this.#limits))
    const key = keyIn(headers.get('authorization') ?? '')
    if (key === undefined) return configured
    const [accessKeyId, secret] = key
    const own = { ...known.settings, accessKeyId, secretAccessKey: new Secret(secret), sessionToken: undefined, machineCredentials: false }
    return createS3Client(own, this.#limits, configured)
  }

  close(): void {
    for (const { client } of this.#buckets) client?.destroy()
  }
}

/** The key in Basic authorization; its id may have a colon, as Swift's have. */
function keyIn(authorization: string): readonly [id: string, secret: string] | undefined {
  const [, encoded = ''] = /^basic +([\w+/=-]+)$/i.exec(authorization) ?? []
  const [, id, secret] = /^(.+):(.+)$/s.exec(Buffer.from(encoded, 'base64').toString('utf8')) ?? []
  return id === undefined || secret === undefined ? undefined : [id, secret]
}

function globOf(glob: string): RegExp {
  const parts = glob.split('*').map((part) => part.replaceAll('.', '\\.'))
  return new RegExp(`^${parts.join('.*')}$`)
}
