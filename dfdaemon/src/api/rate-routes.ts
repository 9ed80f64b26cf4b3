import { apiErrorBody, type ApiServer } from '@damselfly/shared/http-api'
import * as z from 'zod'
import type { HostRates } from '../peer/host-rates.ts'
import { RATES_PATH, TASKS_PATH } from './protocol.ts'
import { taskParams } from './schemas.ts'
import { taskIdOf } from './task-routes.ts'

const rate = z.number().min(0)
const settings = z.object({
  upload: rate.describe('All uploads together'),
  download: rate.describe('All downloads together'),
  origin: rate.describe('All that comes from origins'),
  taskUpload: rate.describe('Uploads of one task'),
  taskDownload: rate.describe('The download of one task'),
  peerUpload: rate.describe('Uploads to one other peer'),
  peerDownload: rate.describe('Downloads from one other peer'),
})

const taskRates = z.object({ upload: rate.nullable(), download: rate.nullable() })

const ratesBody = z
  .object({
    settings: settings.describe("This host's own limits"),
    supernode: settings.pick({ upload: true, download: true, origin: true }).describe('What the supernode allows beside; the stricter counts'),
    tasks: z.array(taskRates.extend({ taskId: z.string() })).describe('Tasks with limits of their own; null: that of all tasks'),
  })
  .describe('Bytes per second; 0: no limit.')

const changedTaskRates = z.strictObject(taskRates.partial().shape)

/** What the daemon may send and receive, seen and changed while it runs; a restart brings the configuration back. */
export function addRateRoutes(app: ApiServer, rates: HostRates): void {
  app.get(RATES_PATH, { schema: { description: 'Limits of rate in force.', response: { 200: ratesBody } } }, async () => bodyOf(rates))

  app.patch(
    RATES_PATH,
    {
      schema: {
        description: 'Changes limits of this host, for running transfers too, until the daemon ends. What is left out stays.',
        body: z.strictObject(settings.partial().shape),
        response: { 200: ratesBody, '4xx': apiErrorBody },
      },
    },
    async ({ body }) => {
      rates.change(Object.fromEntries(Object.entries(body).filter(([, value]) => value !== undefined)))
      return bodyOf(rates)
    },
  )

  app.patch(
    `${TASKS_PATH}/:id/rates`,
    {
      schema: {
        description: 'Gives one task limits of its own, until the daemon ends; null: that of all tasks again. What is left out stays.',
        params: taskParams,
        body: changedTaskRates,
        response: { 200: ratesBody, '4xx': apiErrorBody },
      },
    },
    async ({ body: { upload, download }, params }) => {
      const taskId = taskIdOf(params.id)
      const before = rates.tasks.get(taskId)
      rates.limitTask(taskId, {
        upload: upload === undefined ? before?.upload : (upload ?? undefined),
        download: download === undefined ? before?.download : (download ?? undefined),
      })
      return bodyOf(rates)
    },
  )
}

function bodyOf({ settings: own, supernode, tasks }: HostRates): z.output<typeof ratesBody> {
  const { upload, download, origin } = supernode
  return {
    settings: { ...own },
    supernode: { upload, download, origin },
    tasks: [...tasks].map(([taskId, rates]) => ({ taskId, upload: rates.upload ?? null, download: rates.download ?? null })),
  }
}
