import type { StoredTask, TaskRecord } from '@damselfly/exchange'
import { pieceSizeFor, redactUrl, DamselflyError, splitHeaders, type HeaderMap } from '@damselfly/shared'
import type { ContentSpec } from '../cdn.ts'
import type { OriginResponse, OriginValidators } from '../source-client.ts'
import { basicAuthorization, withoutUserInfo } from '../user-info.ts'
import type { HeldVersion } from './freshness.ts'

/** The same content asked for without and with proof of who asks. */
export interface SeparatedSpec {
  /** Neither its URL nor its headers prove anything. */
  readonly spec: ContentSpec
  /** Those given apart and those that were hidden in the URL or among the other headers. */
  readonly credentials: HeaderMap
}

/** So that what is called anonymous is. @throws DamselflyError URL_REFUSED */
export function separateCredentials(spec: ContentSpec, given: HeaderMap): SeparatedSpec {
  const url = URL.parse(spec.url)
  if (url === null) throw new DamselflyError('URL_REFUSED', `'${redactUrl(spec.url)}' is not a URL`)
  const { credentials, variant } = splitHeaders(spec.variantHeaders)
  const basic = basicAuthorization(url)
  return {
    spec: { ...spec, url: withoutUserInfo(url).href, variantHeaders: variant },
    credentials: new Map([
      ...(basic === undefined ? [] : [['authorization', basic] as const]),
      ...credentials,
      ...Array.from(given, ([name, value]) => [name.toLowerCase(), value] as const),
    ]),
  }
}

/** @param contentLength of the task; bytes. @param now milliseconds since 1970 */
export function newRecord(
  spec: ContentSpec,
  contentLength: number | undefined,
  validators: OriginValidators,
  isPrivate: boolean,
  now: number,
): TaskRecord {
  return {
    taskId: spec.taskId,
    url: spec.url,
    filteredQueryParams: spec.filteredQueryParams,
    tag: spec.tag,
    application: spec.application,
    range: spec.range,
    headers: [...spec.variantHeaders],
    expectedDigest: spec.expectedDigest,
    contentDigest: undefined,
    contentLength,
    pieceSize: pieceSizeFor(contentLength),
    etag: validators.etag,
    lastModified: validators.lastModified,
    isPrivate,
    pinned: false,
    signedManifest: undefined,
    createdAt: now,
    lastUsedAt: now,
  }
}

/** Bytes of the task's content, which may be a part of the URL's; undefined when the origin does not tell. */
export function taskLength(spec: ContentSpec, response: OriginResponse): number | undefined {
  const total = response.contentLength
  if (spec.range === undefined) return total
  if (total === undefined) return undefined
  return Math.max(0, Math.min(total, (spec.range.end ?? total) + 1) - spec.range.start)
}

/** What a stored task was asked for as. */
export function specOf(record: TaskRecord): ContentSpec {
  const { taskId, url, filteredQueryParams, tag, application, range, expectedDigest } = record
  return { taskId, url, filteredQueryParams, tag, application, range, variantHeaders: new Map(record.headers), expectedDigest }
}

/** The stored task as one version of its content among those that its origin has served or will serve. */
export function versionOf({ record }: Pick<StoredTask, 'record'>): HeldVersion {
  const { taskId, createdAt, etag, lastModified, contentLength, isPrivate } = record
  return { version: JSON.stringify([taskId, createdAt, etag, lastModified]), validators: { etag, lastModified }, contentLength, isPrivate }
}
