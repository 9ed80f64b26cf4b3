import { apiErrorBody, isoTime, type ApiServer } from '@damselfly/shared/http-api'
import * as z from 'zod'
import type { Collection, Collector } from './collector.ts'

const GC_PATH = '/api/v1/gc'

const bytes = z.number()
const time = z.iso.datetime()

const collectionBody = z.object({
  at: time,
  dryRun: z.boolean(),
  shortage: z
    .object({ ofQuota: bytes, ofDisk: bytes })
    .describe('Bytes that had to go: those that are too many for the quota, and those that the disk lacked'),
  evicted: z.array(z.object({ taskId: z.string(), bytes, lastUsedAt: time })),
  freed: bytes.describe('Bytes of the tasks that were evicted'),
  kept: z.object({ pinned: z.number(), wanted: z.number(), busy: z.number() }).describe('Tasks that had to stay'),
  enough: z.boolean(),
})

const statusBody = z.object({
  limits: z.object({ quota: bytes.describe('0: none'), minFreePercent: z.number() }),
  space: z.object({ used: bytes.describe('By contents'), free: bytes, total: bytes.describe('Of the disk') }),
  totals: z.object({ collections: z.number(), evictedTasks: z.number(), evictedBytes: bytes }).describe('Since the start'),
  last: collectionBody.nullable().describe('The last collection that had something to do'),
})

const collectBody = z.object({
  dryRun: z.boolean().default(false).describe('Only say what would be deleted.'),
  bytes: bytes.int().min(0).default(0).describe('Make room for so many bytes besides what the limits ask for.'),
})

/** How full the disk is, and making room now. */
export function addCollectorRoutes(app: ApiServer, collector: Pick<Collector, 'status' | 'collect'>): void {
  app.get(
    GC_PATH,
    {
      schema: {
        description: 'How much of the disk contents take, and what was deleted to make room.',
        response: { 200: statusBody, '4xx': apiErrorBody },
      },
    },
    async () => {
      const { last, ...status } = await collector.status()
      return { ...status, last: last === undefined ? null : bodyOf(last) }
    },
  )
  app.post(
    GC_PATH,
    {
      schema: {
        description: 'Deletes contents that nobody uses, least recently used first, as far as the limits ask for it.',
        body: collectBody.prefault({}),
        response: { 200: collectionBody, '4xx': apiErrorBody },
      },
    },
    async ({ body }) => bodyOf(await collector.collect({ wanted: body.bytes, isDryRun: body.dryRun })),
  )
}

function bodyOf({ at, isDryRun, isEnough, evicted, ...rest }: Collection): z.output<typeof collectionBody> {
  return {
    ...rest,
    at: isoTime(at),
    dryRun: isDryRun,
    enough: isEnough,
    evicted: evicted.map(({ taskId, bytes: size, lastUsedAt }) => ({ taskId, bytes: size, lastUsedAt: isoTime(lastUsedAt) })),
  }
}
