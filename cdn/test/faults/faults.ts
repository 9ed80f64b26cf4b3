import { etagOf, sizeOf, type OriginContent } from '../../src/testing/origin-content.ts'

/** What an origin would serve if nothing were wrong with it. */
export interface Honest {
  readonly good: OriginContent
  /** Another version of the same length. */
  readonly other: OriginContent
  /** Requests of the path so far, since counts of the fault origin go on. */
  readonly asked: number
  /** The path itself. */
  readonly path: string
}

export type Fault = (honest: Honest) => OriginContent

const always = Number.POSITIVE_INFINITY

const half = (content: OriginContent): number => Math.floor(sizeOf(content) / 2)

/** Every way in which an origin goes wrong here. */
export const FAULTS = {
  'breaks off once': ({ good }) => ({ ...good, cut: { after: half(good) } }),
  'breaks off each answer before its first byte': ({ good }) => ({ ...good, cut: { after: 0, times: always } }),
  'breaks off without saying how long it is': ({ good }) => ({ ...good, chunked: true, cut: { after: half(good) } }),
  'announces more than it has': ({ good }) => ({ ...good, announced: sizeOf(good) + 50, ranges: false }),
  'announces less than it has': ({ good }) => ({ ...good, announced: sizeOf(good) - 50, ranges: false }),
  'ignores ranges': ({ good }) => ({ ...good, ranges: false }),
  'tells another place of a part': ({ good }) => ({
    ...good,
    contentRange: (first, last, total) => `bytes ${first + 1}-${last + 1}/${total + 2}`,
  }),
  'tells another length with a part': ({ good }) => ({ ...good, contentRange: (first, last, total) => `bytes ${first}-${last}/${total + 1}` }),
  'tells no place of a part': ({ good }) => ({ ...good, contentRange: () => '' }),
  'changes in the middle': ({ good, other, asked }) => ({
    ...good,
    cut: { after: half(good) },
    later: { after: asked + 1, content: other },
  }),
  'has other bytes under the same tag': ({ good, other }) => ({ ...other, etag: etagOf(good) }),
  'has other bytes and no tag': ({ other }) => ({ ...other, etag: '' }),
  'is out of order for a moment': ({ good, asked }) => ({ ...good, failFirst: { times: asked + 2, status: 503 } }),
  'wants a pause': ({ good, asked }) => ({ ...good, failFirst: { times: asked + 1, status: 429, retryAfter: '1' } }),
  'is out of order': () => ({ status: 500 }),
  'redirects to itself': ({ path }) => ({ redirectTo: path }),
  'redirects to a private address': () => ({ redirectTo: 'http://169.254.169.254/latest' }),
  'is slow': ({ good }) => ({ ...good, trickle: { bytes: Math.ceil(sizeOf(good) / 16), everyMs: 3 } }),
  'says nothing': () => ({ silent: true }),
  'says nothing after its head': ({ good }) => ({ ...good, pauseAfter: 0 }),
  'breaks off in its head': () => ({ raw: 'HTTP/1.1 200 OK\r\ncontent-le' }),
  'has an endless head': ({ good }) => ({ ...good, headers: { 'x-long': 'a'.repeat(80_000) } }),
  'is no web server': () => ({ raw: '220 mail.example ESMTP\r\n' }),
  'encodes what nobody wants encoded': ({ good }) => ({ ...good, headers: { ...good.headers, 'content-encoding': 'gzip' } }),
} as const satisfies Record<string, Fault>

export type FaultName = keyof typeof FAULTS

/** Those that are over only when somebody loses patience. */
export const SILENT: ReadonlySet<FaultName> = new Set<FaultName>(['says nothing', 'says nothing after its head'])
