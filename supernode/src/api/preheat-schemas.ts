import * as z from 'zod'
import { PREHEAT_LIMITS } from '../preheat/limits.ts'
import { CONTENT_STATES, JOB_STATES, SCOPES, TARGET_STATES } from '../preheat/preheat-record.ts'
import { headerList, pageQuery } from './schemas.ts'

const count = z.number().int().min(0)
const failure = z.object({ code: z.string(), message: z.string() }).nullable()

export const newPreheatBody = z.strictObject({
  urls: z.array(z.string().min(1).max(8192)).max(PREHEAT_LIMITS.contents).default([]).describe('What is to be there'),
  list: z.string().min(1).max(8192).optional().describe('URL of a directory, a prefix or an image: all that it leads to'),
  platforms: z.array(z.string().min(1).max(64)).max(64).optional().describe('Of an image in `list`: only these, such as linux/amd64. Default: all'),
  digest: z.string().max(128).optional().describe('Of the whole content, as sha256:…; with one URL'),
  headers: headerList
    .default([])
    .describe('For the origin. Credentials are used for this preheat alone, given to nobody else, and forgotten when it is over'),
  filteredQueryParams: z.array(z.string().min(1).max(256)).max(64).default([]),
  tag: z.string().max(256).default(''),
  application: z.string().max(256).default(''),
  range: z
    .strictObject({ start: count, end: count.optional() })
    .refine(({ start, end }) => end === undefined || end >= start, 'the end lies before the start')
    .optional()
    .describe('Both ends inclusive'),
  scope: z.enum(SCOPES).optional().describe('Who shall have it: the supernode alone; as many peers as `peers` says; or all that are connected now. Default: `peers` if `peers` is given'),
  peers: z.number().int().min(1).max(10_000).optional().describe('How many, with scope `peers`; one that fails or leaves is replaced. Default: 1'),
  location: z.string().max(256).default('').describe('Only peers there'),
  key: z.string().min(1).max(128).optional().describe('Of your choice: asking twice with the same one makes one preheat'),
})

export const preheatQuery = pageQuery.extend({ state: z.enum(JOB_STATES).optional() })
export const targetQuery = pageQuery.extend({ state: z.enum(TARGET_STATES).optional() })

export const preheatBody = z.object({
  id: z.string(),
  key: z.string().nullable(),
  state: z.enum(JOB_STATES).describe('`partial`: something is where it should be, but not all'),
  scope: z.enum(SCOPES),
  peers: count.nullable().describe('How many were asked for; null unless the scope is `peers`'),
  location: z.string(),
  createdAt: z.iso.datetime(),
  endedAt: z.iso.datetime().nullable(),
  contents: z.object({ total: count, held: count, failed: count }).describe('At the supernode'),
  targets: z.object({ total: count, done: count, failed: count.describe('Those that left too') }).describe('Contents times peers'),
  bytes: z.object({ cdn: count, peers: count }).describe('That are there by now'),
})

export const preheatDetailBody = preheatBody.extend({
  results: z.array(
    z.object({
      taskId: z.string(),
      url: z.string().describe('Without user info and query values'),
      state: z.enum(CONTENT_STATES).describe('At the supernode'),
      bytes: count,
      contentLength: count.nullable(),
      error: failure,
    }),
  ),
})

export const preheatListBody = z.object({ preheats: z.array(preheatBody), next: z.string().nullable() })

export const targetListBody = z.object({
  targets: z.array(
    z.object({
      taskId: z.string(),
      url: z.string(),
      peer: z.string(),
      hostName: z.string(),
      state: z.enum(TARGET_STATES),
      bytes: count,
      error: failure,
    }),
  ),
  next: z.string().nullable(),
})

export type NewPreheat = z.output<typeof newPreheatBody>
export type PreheatBody = z.output<typeof preheatBody>
export type PreheatDetail = z.output<typeof preheatDetailBody>
export type TargetBody = z.output<typeof targetListBody>['targets'][number]
