import { apiErrorBody, isoTime, type ApiServer } from '@damselfly/shared/http-api'
import * as z from 'zod'
import { MOST_NAMED, type Collection } from './collection.ts'
import type { Collector } from './collector.ts'

const GC_PATH = '/api/v1/gc'

/** Whoever asks is answered by then, whether it is over or not; milliseconds. */
const PATIENCE_MS = 10_000

const bytes = z.number()
const time = z.iso.datetime()

const collectionBody = z.object({
  at: time,
  dryRun: z.boolean(),
  running: z.boolean().describe('Whether it still goes on; the rest is what it has done so far then'),
  shortage: z
    .object({ ofQuota: bytes, ofDisk: bytes })
    .describe('Bytes that had to go: those that are too many for the quota, and those that the disk lacked'),
  evicted: z.array(z.object({ taskId: z.string(), bytes, lastUsedAt: time })).describe(`The first ${MOST_NAMED} of them`),
  evictedTasks: z.number(),
  freed: bytes.describe('Bytes of the tasks that were evicted'),
  kept: z.object({ pinned: z.number(), wanted: z.number(), busy: z.number() }).describe('Tasks that had to stay'),
  enough: z.boolean(),
})

const statusBody = z.object({
  limits: z.object({ quota: bytes.describe('0: none'), minFreePercent: z.number() }),
  space: z.object({ used: bytes.describe('By contents'), free: bytes, total: bytes.describe('Of the disk') }),
  totals: z.object({ collections: z.number(), evictedTasks: z.number(), evictedBytes: bytes }).describe('Since the start'),
  running: collectionBody.nullable().describe('The collection that goes on now'),
  last: collectionBody.nullable().describe('The last collection that had something to do'),
})

const collectBody = z.object({
  dryRun: z.boolean().default(false).describe('Only say what would be deleted.'),
  bytes: bytes.int().min(0).default(0).describe('Make room for so many bytes besides what the limits ask for.'),
})

/** How full the disk is, and making room now. */
export function addCollectorRoutes(app: ApiServer, collector: Pick<Collector, 'status' | 'collectWithin'>): void {
  app.get(
    GC_PATH,
    {
      schema: {
        description: 'How much of the disk contents take, and what was deleted to make room.',
        response: { 200: statusBody, '4xx': apiErrorBody },
      },
    },
    async () => {
      const { running, last, ...status } = await collector.status()
      return { ...status, running: running === undefined ? null : bodyOf(running), last: last === undefined ? null : bodyOf(last) }
    },
  )
  app.post(
    GC_PATH,
    {
      schema: {
        description: 'Deletes contents that nobody uses, least recently used first, as far as the limits ask; 202: it goes on after 10 s.',
        body: collectBody.prefault({}),
        response: { 200: collectionBody, 202: collectionBody, '4xx': apiErrorBody },
      },
    },
    async ({ body }, reply) => {
      const collection = await collector.collectWithin(PATIENCE_MS, { wanted: body.bytes, isDryRun: body.dryRun })
      return reply.status(collection.isRunning ? 202 : 200).send(bodyOf(collection))
    },
  )
}

function bodyOf({ at, isDryRun, isRunning, isEnough, evicted, ...rest }: Collection): z.output<typeof collectionBody> {
  return {
    ...rest,
    at: isoTime(at),
    dryRun: isDryRun,
    running: isRunning,
    enough: isEnough,
    evicted: evicted.map(({ taskId, bytes: size, lastUsedAt }) => ({ taskId, bytes: size, lastUsedAt: isoTime(lastUsedAt) })),
  }
}
