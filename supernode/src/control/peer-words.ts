import {
  deriveTaskId,
  DamselflyError,
  isCredentialHeader,
  SHA256_BYTES,
  taskIdFromBytes,
  type ByteRange,
  type HeaderMap,
  type Sha256,
  type TaskId,
} from '@damselfly/shared'
import { toNumber, type ByteRange as WireRange, type Header, type TaskSpec } from '@damselfly/shared/wire'
import { basicAuthorization, withoutUserInfo, type ContentSpec } from '@damselfly/cdn'
import { MAX_HEADER_CHARACTERS, MAX_HEADERS, MAX_NAME_LENGTH, MAX_URL_LENGTH } from './limits.ts'

/** @throws DamselflyError PROTOCOL */
export function readTaskId(bytes: Uint8Array): TaskId {
  if (bytes.length !== 32) throw new DamselflyError('PROTOCOL', `a task id of ${bytes.length} bytes`)
  return taskIdFromBytes(bytes)
}

/** A copy: a view would keep the whole frame in memory. @throws DamselflyError PROTOCOL */
export function readDigest(bytes: Uint8Array): Sha256 {
  if (bytes.length !== SHA256_BYTES) throw new DamselflyError('PROTOCOL', `a digest of ${bytes.length} bytes`)
  return bytes.slice()
}

/** The URL's user info is left out: it proves a caller. @throws DamselflyError USAGE, URL_REFUSED, PROTOCOL */
export function readSpec(spec: TaskSpec | undefined): ContentSpec {
  if (spec === undefined) throw new DamselflyError('PROTOCOL', 'a task without a specification')
  const { tag, application, filteredQueryParams } = spec
  const url = withoutUserInfo(readUrl(spec.url)).href
  checkNames([tag, application, ...filteredQueryParams])
  if (filteredQueryParams.length > MAX_HEADERS) throw new DamselflyError('USAGE', 'too many filtered query parameters')
  const variantHeaders = readHeaders(spec.headers)
  for (const name of variantHeaders.keys()) {
    if (isCredentialHeader(name)) throw new DamselflyError('USAGE', `'${name}' proves a caller and cannot select a variant`)
  }
  const expectedDigest = spec.digest.length === 0 ? undefined : readDigest(spec.digest)
  const range = spec.range === undefined ? undefined : readRange(spec.range)
  const identity = { url, filteredQueryParams, tag, application, range, headers: variantHeaders, digest: expectedDigest }
  return { taskId: deriveTaskId(identity), url, filteredQueryParams, tag, application, range, variantHeaders, expectedDigest }
}

/** What proves this caller to the origin: headers, or else the URL's user info. @throws DamselflyError USAGE, URL_REFUSED */
export function readCredentials(url: string, headers: readonly Header[]): HeaderMap {
  const given = readHeaders(headers)
  const basic = basicAuthorization(readUrl(url))
  return basic === undefined || given.has('authorization') ? given : new Map([...given, ['authorization', basic]])
}

/** Names in lower case. @throws DamselflyError USAGE */
function readHeaders(headers: readonly Header[]): HeaderMap {
  const characters = headers.reduce((sum, { name, value }) => sum + name.length + value.length, 0)
  if (headers.length > MAX_HEADERS || characters > MAX_HEADER_CHARACTERS) {
    throw new DamselflyError('USAGE', `${headers.length} headers of ${characters} characters are too many`)
  }
  return new Map(headers.map(({ name, value }) => [name.toLowerCase(), value]))
}

function readUrl(text: string): URL {
  if (text.length > MAX_URL_LENGTH) throw new DamselflyError('URL_REFUSED', `a URL of ${text.length} characters is too long`)
  const url = URL.parse(text)
  if (url === null) throw new DamselflyError('URL_REFUSED', 'what was asked for is not a URL')
  return url
}

function checkNames(names: readonly string[]): void {
  for (const name of names) {
    if (name.length > MAX_NAME_LENGTH) throw new DamselflyError('USAGE', `a name of ${name.length} characters is too long`)
  }
}

function readRange(range: WireRange): ByteRange {
  const start = toNumber(range.start, 'range start')
  const end = range.end === undefined ? undefined : toNumber(range.end, 'range end')
  if (end !== undefined && end < start) throw new DamselflyError('USAGE', `the range ${start}-${end} ends before it starts`)
  return end === undefined ? { start } : { start, end }
}
