import { DamselflyError, isTaskId } from '@damselfly/shared'
import type { FastifyReply } from 'fastify'
import * as z from 'zod'
import { apiErrorBody, type ApiServer } from '@damselfly/shared/http-api'
import { sendFile } from '../http/file-answer.ts'
import { replyInPortions } from '../http/portions-answer.ts'
import { whileConnected } from '../http/while-connected.ts'
import type { DownloadHandle, DownloadHandles } from './download-handles.ts'
import { BACK_TO_SOURCE_HEADER, CAPABILITY_HEADER, contentPath } from './protocol.ts'
import { contentHeaders, taskParams } from './schemas.ts'

const CONTENT_TYPE = 'application/octet-stream'

export function addContentRoutes(app: ApiServer, handles: DownloadHandles): void {
  app.get(
    contentPath(':id'),
    {
      schema: {
        description:
          'The content in order, each byte verified, while it downloads or shortly after. ' +
          'Only for the caller who downloads it: its capability is needed. Range is honoured once the download is finished.',
        params: taskParams,
        headers: contentHeaders,
        response: {
          200: { description: 'The content.', content: { [CONTENT_TYPE]: { schema: z.string() } } },
          206: { description: 'A part of it.', content: { [CONTENT_TYPE]: { schema: z.string() } } },
          '4xx': apiErrorBody,
          '5xx': apiErrorBody,
        },
      },
    },
    async (request, reply) => {
      const { id } = request.params
      const handle = isTaskId(id) ? handles.find(id, request.headers[CAPABILITY_HEADER]) : undefined
      if (handle === undefined) {
        throw new DamselflyError('TASK_NOT_FOUND', `${CAPABILITY_HEADER} names no download of this task`)
      }
      const unuse = handle.use()
      reply.raw.once('close', unuse)
      try {
        await send(reply, handle, request.headers.range)
        return reply
      } catch (error) {
        unuse()
        throw error
      }
    },
  )
}

async function send(reply: FastifyReply, handle: DownloadHandle, range: string | undefined): Promise<void> {
  const { outcome, download } = handle
  if (outcome?.type === 'failed') throw outcome.error
  const { backToSource, contentLength } = outcome?.result ?? download.progress()
  void reply.type(CONTENT_TYPE).header('cache-control', 'no-store')
  if (backToSource !== undefined) void reply.header(BACK_TO_SOURCE_HEADER, backToSource)
  if (outcome !== undefined) return void sendFile(reply, outcome.result, range)
  if (contentLength !== undefined) void reply.header('content-length', contentLength)
  await replyInPortions(reply, download.content(AbortSignal.any([whileConnected(reply.raw), handle.stopped])))
}
