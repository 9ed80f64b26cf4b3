import type { PeerId } from '@damselfly/shared'
import * as z from 'zod'

export const JOB_STATES = ['waiting', 'running', 'done', 'partial', 'failed', 'cancelled'] as const
export const CONTENT_STATES = ['waiting', 'fetching', 'held', 'failed', 'cancelled'] as const
export const TARGET_STATES = ['waiting', 'running', 'away', 'done', 'failed', 'left', 'cancelled'] as const
export const SCOPES = ['supernode', 'peers', 'all'] as const

const bytes = z.number().int().nonnegative()
const headers = z.array(z.tuple([z.string(), z.string()]))
const failure = z.object({ code: z.string(), message: z.string() })

/** One content on one peer. */
const targetRecord = z.object({
  peer: z.string().transform((text) => text as PeerId),
  hostName: z.string(),
  state: z.enum(TARGET_STATES),
  bytes,
  error: failure.nullable(),
  /** When the peer last said something, or since when it is away; milliseconds since 1970. */
  since: z.number(),
})

/** One content and where it is to go. */
const contentRecord = z.object({
  url: z.string(),
  filteredQueryParams: z.array(z.string()),
  tag: z.string(),
  application: z.string(),
  range: z.object({ start: bytes, end: bytes.optional() }).nullable(),
  headers,
  /** Hexadecimal SHA-256 of the whole content. */
  digest: z.string().nullable(),
  /** For this content's origin alone; gone as soon as the job is over. */
  credentials: headers,
  state: z.enum(CONTENT_STATES),
  bytes,
  contentLength: bytes.nullable(),
  error: failure.nullable(),
  targets: z.array(targetRecord),
})

/** All that is kept of a preheat, over restarts too. */
export const preheatRecord = z.object({
  id: z.string(),
  /** Of whoever asked, so that asking twice makes one. */
  key: z.string().nullable(),
  /** Tells whether a second request with the key is the same. */
  fingerprint: z.string(),
  state: z.enum(JOB_STATES),
  createdAt: z.number(),
  endedAt: z.number().nullable(),
  scope: z.enum(SCOPES),
  /** How many peers; 0 unless the scope is `peers`. */
  count: z.number().int().nonnegative(),
  /** Only peers there; empty: anywhere. */
  location: z.string(),
  contents: z.array(contentRecord),
})

export type PreheatRecord = z.output<typeof preheatRecord>
export type ContentRecord = PreheatRecord['contents'][number]
export type TargetRecord = ContentRecord['targets'][number]
export type Scope = PreheatRecord['scope']

/** Whether nothing more will happen to it. */
export function isOver({ state }: Pick<PreheatRecord, 'state'>): boolean {
  return state !== 'waiting' && state !== 'running'
}

export function isSettled({ state }: Pick<TargetRecord, 'state'>): boolean {
  return state === 'done' || state === 'failed' || state === 'left' || state === 'cancelled'
}

/** Whether the CDN does nothing more for it. */
export function isAtEnd({ state }: Pick<ContentRecord, 'state'>): boolean {
  return state === 'held' || state === 'failed' || state === 'cancelled'
}
