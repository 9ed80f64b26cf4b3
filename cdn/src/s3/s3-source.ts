import { systemClock, type Clock } from '@damselfly/shared'
import type { ListedContent, ListRequest, OriginInfo, OriginRequest, OriginResponse, SourceClient } from '../source-client.ts'
import type { S3Bucket } from './s3-bucket-settings.ts'
import type { S3Limits } from './s3-limits.ts'
import type { S3Objects } from './s3-objects.ts'
import { parseS3Url } from './s3-url.ts'

export interface S3SourceInit {
  /** The buckets that may be origins; the first that fits a name counts. */
  readonly buckets: readonly S3Bucket[]
  readonly limits?: Partial<S3Limits> | undefined
  /** @default the system's */
  readonly clock?: Clock | undefined
}

/**
 * A source client for `s3://bucket/key`. Where a bucket is comes from the configuration alone, so no URL leads anywhere else.
 * A caller's own key comes as Basic authorization, and takes the place of the configured one.
 */
export function createS3Source(init: S3SourceInit): SourceClient {
  return new S3Source(init)
}

/** Loads the S3 client when it is needed first: a program starts much faster without. */
class S3Source implements SourceClient {
  readonly schemes: readonly string[] = ['s3:']
  readonly #init: S3SourceInit
  #objects: Promise<S3Objects> | undefined

  constructor(init: S3SourceInit) {
    this.#init = init
  }

  async probe(request: OriginRequest): Promise<OriginInfo> {
    const place = parseS3Url(request.url)
    return await (await this.#load()).head(place, request)
  }

  async read(request: OriginRequest): Promise<OriginResponse> {
    const place = parseS3Url(request.url)
    return await (await this.#load()).get(place, request)
  }

  async *list(request: ListRequest): AsyncIterable<ListedContent> {
    const place = parseS3Url(request.url)
    yield* (await this.#load()).list(place, request)
  }

  async close(): Promise<void> {
    const objects = await this.#objects
    objects?.close()
  }

  #load(): Promise<S3Objects> {
    const { buckets, limits = {}, clock = systemClock } = this.#init
    return (this.#objects ??= import('./s3-objects.ts').then(({ S3Objects }) => new S3Objects(buckets, limits, clock)))
  }
}
