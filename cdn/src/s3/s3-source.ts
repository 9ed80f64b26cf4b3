import { systemClock, type Clock } from '@damselfly/shared'
import type { ListedContent, ListRequest, OriginInfo, OriginRequest, OriginResponse, SourceClient } from '../source-client.ts'
import type { S3Bucket } from './s3-bucket-settings.ts'
import type { S3Limits } from './s3-limits.ts'
import { S3Objects } from './s3-objects.ts'
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

class S3Source implements SourceClient {
  readonly schemes: readonly string[] = ['s3:']
  readonly #objects: S3Objects

  constructor({ buckets, limits = {}, clock = systemClock }: S3SourceInit) {
    this.#objects = new S3Objects(buckets, limits, clock)
  }

  async probe(request: OriginRequest): Promise<OriginInfo> {
    return await this.#objects.head(parseS3Url(request.url), request)
  }

  async read(request: OriginRequest): Promise<OriginResponse> {
    return await this.#objects.get(parseS3Url(request.url), request)
  }

  async *list(request: ListRequest): AsyncIterable<ListedContent> {
    yield* this.#objects.list(parseS3Url(request.url), request)
  }

  close(): Promise<void> {
    this.#objects.close()
    return Promise.resolve()
  }
}
