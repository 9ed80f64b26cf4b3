import { DamselflyError, isTaskId, splitHeaders, type TaskId } from '@damselfly/shared'
import { apiErrorBody, type ApiServer } from '@damselfly/shared/http-api'
import { addKeepingRoutes, type TaskKeeping } from '@damselfly/exchange/store-api'
import * as z from 'zod'
import type { TaskCatalogue } from '../swarm/task-catalogue.ts'
import { taskBodyOf, taskDetailOf } from './bodies.ts'
import { headerList, taskDetailBody, taskListBody, taskQuery } from './schemas.ts'
import { taskFilter, taskOrder } from './task-order.ts'

export interface TaskSources {
  readonly catalogue: TaskCatalogue
  readonly keeping: TaskKeeping
}

const params = z.object({ id: z.string().max(128) })

const refreshBody = z.strictObject({
  headers: headerList.default([]).describe('Credentials for a private content, used for this question alone'),
})

export function addTaskRoutes(app: ApiServer, { catalogue, keeping }: TaskSources): void {
  app.get(
    '/api/v1/tasks',
    {
      schema: {
        description: 'Tasks that the supernode knows, those that only lie on its disk too.',
        querystring: taskQuery,
        response: { 200: taskListBody, 400: apiErrorBody, 401: apiErrorBody },
      },
    },
    async ({ query }) => {
      const { ranks, keyOf, positionAt } = taskOrder(query.sort)
      const after = query.after === undefined ? undefined : positionAt(query.after)
      const found = catalogue.first({ ranks, matches: taskFilter(query), limit: query.limit + 1, after })
      const page = found.slice(0, query.limit)
      const last = found.length > query.limit ? page.at(-1) : undefined
      const tasks = await catalogue.describe(page)
      return { tasks: tasks.map((task) => taskBodyOf(task, catalogue)), next: last === undefined ? null : keyOf(last) }
    },
  )
  app.get(
    '/api/v1/tasks/:id',
    { schema: { description: 'One task with its swarm.', params, response: { 200: taskDetailBody, 401: apiErrorBody, 404: apiErrorBody } } },
    async ({ params: { id } }) => {
      const task = isTaskId(id) ? await catalogue.find(id) : undefined
      if (task === undefined) throw new DamselflyError('TASK_NOT_FOUND', `there is no task ${id}`)
      return taskDetailOf(task, catalogue)
    },
  )
  app.post(
    '/api/v1/tasks/:id/refresh',
    {
      schema: {
        description: 'Asks the origin now whether it still serves what the CDN holds; another version is fetched in its place.',
        params,
        body: refreshBody.prefault({}),
        response: { 200: z.object({ changed: z.boolean() }), '4xx': apiErrorBody, '5xx': apiErrorBody },
      },
    },
    async ({ params: { id }, body: { headers } }) => {
      const taskId = id as TaskId
      if (!isTaskId(id)) throw new DamselflyError('TASK_NOT_FOUND', `there is no task ${id}`)
      return { changed: await catalogue.refresh(taskId, splitHeaders(headers).credentials) }
    },
  )
  addKeepingRoutes(app, keeping)
}
