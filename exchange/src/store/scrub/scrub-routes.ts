import { apiErrorBody, isoTime, type ApiServer } from '@damselfly/shared/http-api'
import * as z from 'zod'
import type { ScrubPass } from './scrub-state.ts'
import type { Scrubber, ScrubStatus } from './scrubber.ts'

const SCRUB_PATH = '/api/v1/scrub'

const bytes = z.number()
const time = z.iso.datetime()
const counts = { startedAt: time, tasks: z.number(), pieces: z.number(), bytes, damaged: z.number().describe('Pieces') }

const scrubBody = z.object({
  settings: z.object({ rate: bytes.describe('Per second; 0: no limit'), every: z.number().describe('Milliseconds; 0: only when asked') }),
  running: z.object(counts).nullable().describe('The pass under way'),
  last: z.object({ ...counts, endedAt: time }).nullable().describe('The last pass that was finished'),
  totals: z.object({ bytes, damaged: z.number() }).describe('Since the start'),
})

/** How far the scrub is, and beginning one now. */
export function addScrubRoutes(app: ApiServer, scrubber: Pick<Scrubber, 'status' | 'begin'>): void {
  app.get(
    SCRUB_PATH,
    {
      schema: {
        description: 'How far it is checked that contents still have their digests.',
        response: { 200: scrubBody, '4xx': apiErrorBody },
      },
    },
    async () => bodyOf(scrubber.status()),
  )
  app.post(
    SCRUB_PATH,
    {
      schema: {
        description: 'Reads all contents again and compares them with their digests, if that is not being done already; damaged pieces are fetched again.',
        response: { 202: scrubBody, '4xx': apiErrorBody },
      },
    },
    async (_request, reply) => reply.code(202).send(bodyOf(scrubber.begin())),
  )
}

function bodyOf({ settings, running, last, totals }: ScrubStatus): z.output<typeof scrubBody> {
  return {
    settings,
    running: running === undefined ? null : passOf(running),
    last: last === undefined ? null : { ...passOf(last), endedAt: isoTime(last.endedAt) },
    totals,
  }
}

function passOf({ startedAt, tasks, pieces, bytes: read, damaged }: ScrubPass): NonNullable<z.output<typeof scrubBody>['running']> {
  return { startedAt: isoTime(startedAt), tasks, pieces, bytes: read, damaged }
}
