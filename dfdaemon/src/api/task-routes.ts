import { DamselflyError, isTaskId, type TaskId } from '@damselfly/shared'
import * as z from 'zod'
import type { Peer } from '../peer/peer.ts'
import { apiErrorBody, type ApiServer } from '@damselfly/shared/http-api'
import { taskBodyOf } from './bodies.ts'
import { TASKS_PATH } from './protocol.ts'
import { taskBody, taskParams, tasksBody } from './schemas.ts'

export function addTaskRoutes(app: ApiServer, peer: Peer): void {
  app.get(
    TASKS_PATH,
    { schema: { description: 'What this daemon holds and downloads.', response: { 200: tasksBody } } },
    async () => ({ tasks: (await peer.tasks()).map(taskBodyOf) }),
  )

  app.get(
    `${TASKS_PATH}/:id`,
    { schema: { description: 'One task.', params: taskParams, response: { 200: taskBody, '4xx': apiErrorBody } } },
    async (request) => {
      const taskId = taskIdOf(request.params.id)
      const task = await peer.task(taskId)
      if (task === undefined) throw new DamselflyError('TASK_NOT_FOUND', `there is no task ${taskId}`)
      return taskBodyOf(task)
    },
  )

  app.delete(
    `${TASKS_PATH}/:id`,
    {
      schema: {
        description: 'Deletes a task that nobody uses.',
        params: taskParams,
        response: { 204: z.null(), '4xx': apiErrorBody },
      },
    },
    async (request, reply) => {
      await peer.deleteTask(taskIdOf(request.params.id))
      return reply.code(204).send(null)
    },
  )
}

/** @throws DamselflyError USAGE */
export function taskIdOf(text: string): TaskId {
  if (!isTaskId(text)) throw new DamselflyError('USAGE', `'${text}' is not a task id`)
  return text
}
