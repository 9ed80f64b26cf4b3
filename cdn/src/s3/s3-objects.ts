import type { Readable } from 'node:stream'
import { GetObjectCommand, HeadObjectCommand, ListObjectsV2Command, type GetObjectCommandOutput, type HeadObjectCommandOutput } from '@aws-sdk/client-s3'
import { DamselflyError, redactUrl, type Clock } from '@damselfly/shared'
import type { ResponseHeaders } from '../http/response-head.ts'
import { readAnswer, type ContentAnswer } from '../http/response-info.ts'
import type { ListedContent, ListRequest, OriginInfo, OriginRequest, OriginResponse, OriginValidators } from '../source-client.ts'
import { streamBody } from '../stream-body.ts'
import { isStrongEtag, sameValidators } from '../validators.ts'
import type { S3Bucket } from './s3-bucket-settings.ts'
import { S3Clients } from './s3-clients.ts'
import { s3Error } from './s3-errors.ts'
import { DEFAULT_S3_LIMITS, type S3Limits } from './s3-limits.ts'
import { s3Url, type S3Place } from './s3-url.ts'

/** The objects of all buckets that may be origins. */
export class S3Objects {
  readonly #clients: S3Clients
  readonly #idleTimeoutMs: number
  readonly #clock: Clock

  constructor(buckets: readonly S3Bucket[], limits: Partial<S3Limits>, clock: Clock) {
    // Bodies are watched here, where it is known whether anybody wants the next byte.
    this.#clients = new S3Clients(buckets, { ...limits, idleTimeoutMs: 0 })
    this.#idleTimeoutMs = limits.idleTimeoutMs ?? DEFAULT_S3_LIMITS.idleTimeoutMs
    this.#clock = clock
  }

  async head(place: S3Place, request: OriginRequest): Promise<OriginInfo> {
    const shown = redactUrl(request.url)
    const output = await this.#ask(request, () => {
      const command = new HeadObjectCommand(nameOf(place, shown))
      return this.#clients.for(place.bucket, request.headers, shown).send(command, { abortSignal: request.signal })
    })
    return contentOf(output, undefined, shown).info
  }

  async get(place: S3Place, request: OriginRequest): Promise<OriginResponse> {
    const { range, ifMatch, signal } = request
    const shown = redactUrl(request.url)
    const output = await this.#ask(request, () => {
      const part = range === undefined ? {} : { Range: `bytes=${range.start}-${range.end ?? ''}` }
      const command = new GetObjectCommand({ ...nameOf(place, shown), ...part, ...condition(ifMatch) })
      return this.#clients.for(place.bucket, request.headers, shown).send(command, { abortSignal: signal })
    })
    // In Node.js a body is a stream, whatever else the type allows.
    const stream = output.Body as unknown as Readable
    try {
      const { info, body } = contentOf(output, request, shown)
      if (ifMatch !== undefined && sameValidators(ifMatch, info.validators) === false) {
        throw new DamselflyError('ORIGIN_CHANGED', `${shown} has another content than before`)
      }
      const flow = streamBody({ stream, expected: body.length, signal, shown, clock: this.#clock, idleTimeoutMs: this.#idleTimeoutMs })
      return { ...info, start: body.start, bodyLength: body.length, body: flow }
    } catch (error) {
      stream.destroy()
      throw error
    }
  }

  /** Keys that no URL can name are passed over, and so are the empty objects that stand for folders. */
  async *list({ bucket, key }: S3Place, request: ListRequest): AsyncGenerator<ListedContent> {
    const shown = redactUrl(request.url)
    let token: string | undefined
    do {
      const page = await this.#ask(request, () => {
        const command = new ListObjectsV2Command({ Bucket: bucket, Prefix: key, ContinuationToken: token })
        const client = this.#clients.for(bucket, request.headers, shown)
        return this.#inTime(request, (abortSignal) => client.send(command, { abortSignal }))
      })
      for (const { Key = '', Size: size } of page.Contents ?? []) {
        const url = Key.endsWith('/') && size === 0 ? undefined : s3Url(bucket, Key)
        if (url !== undefined) yield { url, size, digest: undefined }
        request.signal.throwIfAborted()
      }
      token = page.IsTruncated === true ? page.NextContinuationToken : undefined
    } while (token !== undefined)
  }

  /** Breaks what is under way. */
  close(): void {
    this.#clients.close()
  }

  /** A page is short, and its body is read where nobody watches it: all of it has to come in the time for one byte of others. */
  async #inTime<T>({ url, signal }: ListRequest, send: (signal: AbortSignal) => Promise<T>): Promise<T> {
    const ms = this.#idleTimeoutMs
    const timeout = new AbortController()
    const cancel = this.#clock.after(ms, () => timeout.abort(new DamselflyError('ORIGIN_UNREACHABLE', `${redactUrl(url)} did not answer within ${ms} ms`)))
    try {
      return await send(AbortSignal.any([signal, timeout.signal]))
    } catch (error) {
      timeout.signal.throwIfAborted()
      throw error
    } finally {
      cancel()
    }
  }

  async #ask<T>({ url, signal }: Pick<OriginRequest, 'url' | 'signal'>, send: () => Promise<T>): Promise<T> {
    signal.throwIfAborted()
    try {
      return await send()
    } catch (error) {
      signal.throwIfAborted()
      throw s3Error(error, redactUrl(url))
    }
  }
}

/** @throws DamselflyError URL_REFUSED */
function nameOf({ bucket, key, versionId }: S3Place, shown: string): { readonly Bucket: string; readonly Key: string; readonly VersionId?: string } {
  if (key === '') throw new DamselflyError('URL_REFUSED', `${shown} names a bucket, not an object in it`)
  return { Bucket: bucket, Key: key, ...(versionId === undefined ? {} : { VersionId: versionId }) }
}

function condition(validators: OriginValidators | undefined): { readonly IfMatch?: string; readonly IfUnmodifiedSince?: Date } {
  if (validators === undefined) return {}
  if (isStrongEtag(validators.etag)) return { IfMatch: validators.etag }
  return validators.lastModified === '' ? {} : { IfUnmodifiedSince: new Date(validators.lastModified) }
}

/** What the answer tells, read as that of any other HTTP origin. */
function contentOf(output: GetObjectCommandOutput | HeadObjectCommandOutput, request: OriginRequest | undefined, shown: string): ContentAnswer {
  const told = {
    'content-length': output.ContentLength?.toString(),
    'content-range': 'ContentRange' in output ? output.ContentRange : undefined,
    'accept-ranges': output.AcceptRanges,
    etag: output.ETag,
    'last-modified': output.LastModified?.toUTCString(),
  }
  const headers: ResponseHeaders = new Map(Object.entries(told).flatMap(([name, value]) => (value === undefined ? [] : [[name, [value]]])))
  return readAnswer(output.$metadata.httpStatusCode ?? 200, headers, request?.range, shown)
}
