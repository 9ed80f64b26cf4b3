import { DamselflyError, isTaskId, type TaskId } from '@damselfly/shared'
import { apiErrorBody, type ApiServer } from '@damselfly/shared/http-api'
import * as z from 'zod'

const TASK_PATH = '/api/v1/tasks/:id'

/** What people decide about tasks that a program keeps. */
export interface TaskKeeping {
  /** @throws DamselflyError TASK_NOT_FOUND */
  pin(taskId: TaskId, isPinned: boolean): Promise<void>
  /** @throws DamselflyError TASK_NOT_FOUND, TASK_BUSY, TASK_PINNED */
  evict(taskId: TaskId): Promise<void>
}

/** Which tasks stay and which go. */
export function addKeepingRoutes(app: ApiServer, keeping: TaskKeeping): void {
  add(app, 'pin', 'Keeps a task until it is unpinned, however full the disk is; also its next versions.', (id) => keeping.pin(id, true))
  add(app, 'unpin', 'Lets a task go again when room is needed.', (id) => keeping.pin(id, false))
  add(app, 'evict', 'Deletes what is kept of a task here, unless it is in use or pinned.', (id) => keeping.evict(id))
}

function add(app: ApiServer, action: string, description: string, act: (taskId: TaskId) => Promise<void>): void {
  app.post(
    `${TASK_PATH}/${action}`,
    { schema: { description, params: z.object({ id: z.string().max(128) }), response: { 204: z.null(), '4xx': apiErrorBody } } },
    async ({ params: { id } }, reply) => {
      await act(knownId(id))
      return reply.code(204).send(null)
    },
  )
}

/** @throws DamselflyError TASK_NOT_FOUND */
function knownId(text: string): TaskId {
  if (isTaskId(text)) return text
  throw new DamselflyError('TASK_NOT_FOUND', `there is no task ${text}`)
}
