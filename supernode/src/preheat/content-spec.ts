import { DamselflyError, parseDigest, splitHeaders, type ByteRange, type HeaderMap, type TaskIdentity } from '@damselfly/shared'
import { specToWire } from '@damselfly/exchange'
import { basicAuthorization, digestNamedBy, withoutUserInfo, type ContentSpec } from '@damselfly/cdn'
import { readSpec } from '../control/peer-words.ts'
import type { ContentRecord } from './preheat-record.ts'

/** What one content is asked for as. */
export interface ContentRequest {
  readonly url: string
  readonly digest: string | undefined
  readonly headers: readonly (readonly [string, string])[]
  readonly filteredQueryParams: readonly string[]
  readonly tag: string
  readonly application: string
  readonly range: ByteRange | undefined
}

/** What is kept of a request; what proves somebody is kept apart. @throws DamselflyError USAGE, URL_REFUSED */
export function newContent({ url: text, digest, headers, range, ...rest }: ContentRequest): ContentRecord {
  const url = URL.parse(text)
  if (url === null) throw new DamselflyError('URL_REFUSED', 'what was asked for is not a URL')
  const { credentials, variant } = splitHeaders(headers)
  const basic = basicAuthorization(url)
  const given = basic === undefined || credentials.has('authorization') ? credentials : new Map([...credentials, ['authorization', basic]])
  const content: ContentRecord = {
    ...rest,
    filteredQueryParams: [...rest.filteredQueryParams],
    url: withoutUserInfo(url).href,
    range: range === undefined ? null : { ...range },
    headers: [...variant],
    digest: digest === undefined ? namedDigest(url, range) : hexOf(digest),
    credentials: [...given],
    state: 'waiting',
    bytes: 0,
    contentLength: null,
    error: null,
    targets: [],
  }
  // Whatever a peer could not ask for cannot be preheated.
  specOf(content)
  return content
}

/** @throws DamselflyError USAGE, URL_REFUSED */
export function specOf(content: ContentRecord): ContentSpec {
  return readSpec(specToWire(identityOf(content)))
}

export function identityOf({ url, filteredQueryParams, tag, application, range, headers, digest }: ContentRecord): TaskIdentity {
  return {
    url,
    filteredQueryParams,
    tag,
    application,
    range: range ?? undefined,
    headers: new Map(headers),
    digest: digest === null ? undefined : Buffer.from(digest, 'hex'),
  }
}

export function credentialsOf({ credentials }: ContentRecord): HeaderMap {
  return new Map(credentials)
}

/** As peers do for what they are asked for, so that it is the same task. */
function namedDigest(url: URL, range: ByteRange | undefined): string | null {
  const named = range === undefined ? digestNamedBy(url) : undefined
  return named === undefined ? null : Buffer.from(named).toString('hex')
}

function hexOf(text: string): string {
  const digest = parseDigest(text)
  if (digest === undefined) throw new DamselflyError('USAGE', `'${text.slice(0, 80)}' is no digest such as sha256:<64 hexadecimal characters>`)
  return Buffer.from(digest).toString('hex')
}
