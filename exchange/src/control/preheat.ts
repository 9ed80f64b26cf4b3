import { DamselflyError, SHA256_BYTES, type ByteRange, type TaskIdentity } from '@damselfly/shared'
import { toNumber, type Preheat, type TaskSpec } from '@damselfly/shared/wire'
import type { MessageInitShape, PreheatReportSchema } from '@damselfly/shared/wire'
import type { ContentVersion } from '../download/content-version.ts'

/** The credential with which a peer registers for a preheat; it opens nothing but the supernode. */
export const PREHEAT_TOKEN = 'x-damselfly-preheat-token'

/** A content that the supernode asks this peer to download before anybody wants it. */
export interface PreheatRequest {
  readonly id: number
  readonly identity: TaskIdentity
  /** The one that is meant. */
  readonly version: ContentVersion
  readonly token: string
}

/** How it goes on. */
export interface PreheatReport {
  readonly id: number
  readonly isDone: boolean
  /** Why it failed or is refused. */
  readonly error: DamselflyError | undefined
  /** Bytes. */
  readonly verifiedBytes: number
  readonly contentLength: number | undefined
}

/** Does what the supernode asks for. Must not throw. */
export interface PreheatListener {
  asked(request: PreheatRequest): void
  cancelled(id: number): void
  /** The channel is gone, and with it whatever was asked. */
  lost(): void
}

/** @throws DamselflyError PROTOCOL */
export function preheatFromWire({ preheatId, spec, validators, contentLength, token }: Preheat): PreheatRequest {
  if (spec === undefined) throw new DamselflyError('PROTOCOL', 'a preheat without a specification')
  return {
    id: preheatId,
    identity: identityFromWire(spec),
    version: {
      contentLength: contentLength === undefined ? undefined : toNumber(contentLength, 'content length'),
      etag: validators?.etag ?? '',
      lastModified: validators?.lastModified ?? '',
    },
    token,
  }
}

export function preheatReportToWire(report: PreheatReport): MessageInitShape<typeof PreheatReportSchema> {
  const { id, isDone, error, verifiedBytes, contentLength } = report
  return {
    preheatId: id,
    done: isDone,
    errorCode: error?.code ?? '',
    errorMessage: error?.message ?? '',
    verifiedBytes: BigInt(verifiedBytes),
    ...(contentLength === undefined ? {} : { contentLength: BigInt(contentLength) }),
  }
}

/** @throws DamselflyError PROTOCOL */
function identityFromWire(spec: TaskSpec): TaskIdentity {
  const { url, filteredQueryParams, digest, tag, application, range, headers } = spec
  if (digest.length !== 0 && digest.length !== SHA256_BYTES) throw new DamselflyError('PROTOCOL', `a digest of ${digest.length} bytes`)
  return {
    url,
    filteredQueryParams,
    digest: digest.length === 0 ? undefined : digest.slice(),
    tag,
    application,
    range: range === undefined ? undefined : rangeFromWire(range),
    headers: new Map(headers.map(({ name, value }) => [name.toLowerCase(), value])),
  }
}

function rangeFromWire({ start, end }: NonNullable<TaskSpec['range']>): ByteRange {
  const first = toNumber(start, 'range start')
  return end === undefined ? { start: first } : { start: first, end: toNumber(end, 'range end') }
}
