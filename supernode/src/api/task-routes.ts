import { DamselflyError, isTaskId, splitHeaders, type TaskId } from '@damselfly/shared'
import { apiErrorBody, type ApiServer } from '@damselfly/shared/http-api'
import { addKeepingRoutes, type TaskKeeping } from '@damselfly/exchange/store-api'
import * as z from 'zod'
import type { KnownTask, TaskCatalogue } from '../swarm/task-catalogue.ts'
import { taskBodyOf, taskDetailOf } from './bodies.ts'
import { pageOf } from './page.ts'
import { headerList, taskDetailBody, taskListBody, taskQuery, type TASK_ORDERS } from './schemas.ts'

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
      const { items, next } = pageOf(matching(catalogue, query), keyBy(query.sort, catalogue), query.after, query.limit)
      return { tasks: items.map((task) => taskBodyOf(task, catalogue)), next }
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
      // Most have nothing to say.
      preValidation: async (request) => void (request.body ??= { headers: [] }),
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

function* matching(catalogue: TaskCatalogue, query: z.output<typeof taskQuery>): Generator<KnownTask> {
  const { source, tag, application, pinned } = query
  for (const task of catalogue.list()) {
    const { live, record, taskId } = task
    const kept = live?.swarm.spec ?? record
    if (tag !== undefined && kept?.tag !== tag) continue
    if (application !== undefined && kept?.application !== application) continue
    if (pinned !== undefined && (record?.pinned === true) !== pinned) continue
    if (source !== undefined && (live?.source.state.type ?? stateOf(record?.contentLength === catalogue.heldBytes(taskId))) !== source) continue
    yield task
  }
}

function stateOf(isWhole: boolean): 'complete' | 'idle' {
  return isWhole ? 'complete' : 'idle'
}

/** Keys that sort as is wished, each of them once. */
function keyBy(order: (typeof TASK_ORDERS)[number], catalogue: TaskCatalogue): (task: KnownTask) => string {
  if (order === 'taskId') return ({ taskId }) => taskId
  const valueOf = (task: KnownTask): number => {
    if (order === 'lastUsedAt') return catalogue.lastUsedAt(task)
    if (order === 'heldBytes') return catalogue.heldBytes(task.taskId)
    const { hits, servedBytes, originBytes } = catalogue.usesOf(task)
    return order === 'hits' ? hits : Math.max(0, servedBytes - originBytes)
  }
  return (task) => `${String(Number.MAX_SAFE_INTEGER - Math.round(valueOf(task))).padStart(16, '0')}.${task.taskId}`
}
