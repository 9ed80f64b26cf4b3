import { DamselflyError } from './errors/damselfly-error.ts'
import type { Sha256 } from './digest/digest.ts'
import { sha256 } from './digest/sha256.ts'
import { isCredentialHeader } from './headers.ts'
import { taskIdFromBytes, type TaskId } from './ids.ts'

/** Both ends inclusive, as in HTTP; bytes. `end` undefined: to the end of the content. */
export interface ByteRange {
  readonly start: number
  readonly end?: number | undefined
}

/** What makes one content another one. Credentials are never part of it. */
export interface TaskIdentity {
  readonly url: string
  /** Names of query parameters that do not change the content. */
  readonly filteredQueryParams?: readonly string[] | undefined
  /** The digest of the whole content, if the caller knows it. */
  readonly digest?: Sha256 | undefined
  readonly tag?: string | undefined
  readonly application?: string | undefined
  readonly range?: ByteRange | undefined
  /** Request headers that may select a variant of the content; names in lower case. */
  readonly headers?: ReadonlyMap<string, string> | undefined
}

const BY_DIGEST = 'damselfly/task/digest/1'
const BY_URL = 'damselfly/task/url/1'

/**
 * The id of a task: SHA-256 over length-prefixed fields, so that no two different
 * lists of fields can give the same bytes. With a digest it depends on the digest
 * (and the range) alone, so mirrors of one content share a task.
 *
 * @throws DamselflyError URL_REFUSED
 */
export function deriveTaskId(identity: TaskIdentity): TaskId {
  const range = identity.range === undefined ? '' : `${identity.range.start}-${identity.range.end ?? ''}`
  if (identity.digest !== undefined) return hashFields([BY_DIGEST, identity.digest, range])
  const headers = [...(identity.headers ?? [])]
    .filter(([name]) => !isCredentialHeader(name))
    .toSorted(([a], [b]) => (a < b ? -1 : 1))
  return hashFields([
    BY_URL,
    canonicalUrl(identity.url, identity.filteredQueryParams ?? []),
    identity.tag ?? '',
    identity.application ?? '',
    range,
    ...headers.flat(),
  ])
}

/**
 * The URL without fragment, user info and filtered query parameters; the other
 * parameters keep their order, since it may matter to the origin.
 *
 * @throws DamselflyError URL_REFUSED
 */
export function canonicalUrl(url: string, filteredQueryParams: readonly string[]): string {
  const parsed = URL.parse(url)
  if (parsed === null) throw new DamselflyError('URL_REFUSED', `'${redactUrl(url)}' is not a URL`)
  parsed.hash = ''
  parsed.username = ''
  parsed.password = ''
  if (filteredQueryParams.length > 0) parsed.search = withoutParams(parsed.search, new Set(filteredQueryParams))
  return parsed.href
}

/** On the text, since deleting through URLSearchParams re-encodes what stays, and then only if something goes. */
function withoutParams(search: string, names: ReadonlySet<string>): string {
  const kept = queryParts(search).filter((part) => !names.has(paramName(part))).join('&')
  // With its question mark, since a query may begin with one of its own.
  return kept === '' ? '' : `?${kept}`
}

function queryParts(search: string): string[] {
  return search === '' ? [] : search.replace(/^\?/, '').split('&')
}

function paramName(part: string): string {
  const [name = ''] = new URLSearchParams(part).keys()
  return name
}

/** The URL as it may be shown: no user info, no fragment and no query values, since those often carry secrets. */
export function redactUrl(url: string): string {
  const parsed = URL.parse(url)
  // Where it cannot be told what is user info, all is that an @ ends; a password may have a ? or # in it.
  if (parsed === null || isOpaque(parsed)) return url.replace(/\/\/.*@/s, '//').replace(/^.*@/s, '').replace(/[?#].*$/s, '')
  parsed.hash = ''
  parsed.username = ''
  parsed.password = ''
  // A part without a name is a value.
  const shown = queryParts(parsed.search).map((part) => (part.includes('=') ? part.replace(/=.*$/s, '=…') : '…'))
  parsed.search = [...new Set(shown)].join('&')
  return parsed.href.replaceAll('%E2%80%A6', '…')
}

/** Such as `user:word@host`, which a person took for a URL. */
function isOpaque({ host, pathname }: URL): boolean {
  return host === '' && !pathname.startsWith('/')
}

function hashFields(fields: readonly (string | Uint8Array)[]): TaskId {
  const parts = fields.flatMap((field) => {
    const bytes = typeof field === 'string' ? Buffer.from(field, 'utf8') : field
    const length = Buffer.alloc(4)
    length.writeUInt32BE(bytes.length)
    return [length, bytes]
  })
  // At once: a hash that is fed part by part costs four times as much.
  return taskIdFromBytes(sha256(Buffer.concat(parts)))
}
