import { once } from 'node:events'
import { Readable } from 'node:stream'
import { DamselflyError, type Clock } from '@damselfly/shared'
import type { FastifyReply } from 'fastify'
import * as z from 'zod'
import { apiErrorBody, type ApiServer } from '@damselfly/shared/http-api'
import { requestFromBody } from './bodies.ts'
import type { DownloadHandle, DownloadHandles } from './download-handles.ts'
import { downloadEvents } from './event-stream.ts'
import { CAPABILITY_HEADER, DOWNLOADS_PATH, EVENT_STREAM_TYPE } from './protocol.ts'
import { capabilityHeaders, detachedBody, downloadBody, downloadEvent } from './schemas.ts'

export function addDownloadRoutes(app: ApiServer, handles: DownloadHandles, clock: Clock): void {
  app.post(
    DOWNLOADS_PATH,
    {
      schema: {
        description: 'Downloads a content. Answers one JSON object per line while it goes on; a caller who disconnects gives the download up.',
        body: downloadBody,
        response: {
          200: { description: 'Events.', content: { [EVENT_STREAM_TYPE]: { schema: downloadEvent } } },
          202: detachedBody,
          '4xx': apiErrorBody,
          '5xx': apiErrorBody,
        },
      },
    },
    async (request, reply) => {
      const { hold, detach } = request.body
      const handle = await handles.open(requestFromBody(request.body), !hold)
      const unuse = handle.use()
      if (detach) {
        const detached = (): void => unuse()
        handle.download.finished.then(detached, detached)
        return reply.code(202).send({ taskId: handle.download.taskId, capability: handle.capability })
      }
      return streamEvents(reply, { handle, clock, hold, unuse })
    },
  )

  app.delete(
    DOWNLOADS_PATH,
    {
      schema: {
        description: 'Gives up the download, or the finished content, that the capability belongs to.',
        headers: capabilityHeaders,
        response: { 204: z.null(), '4xx': apiErrorBody },
      },
    },
    async (request, reply) => {
      const capability = request.headers[CAPABILITY_HEADER]
      const found = capability !== undefined && (await handles.release(capability))
      if (!found) throw new DamselflyError('TASK_NOT_FOUND', `${CAPABILITY_HEADER} names no download`)
      return reply.code(204).send(null)
    },
  )
}

interface EventStream {
  readonly handle: DownloadHandle
  readonly clock: Clock
  /** Whether the answer stays open until the caller closes it. */
  readonly hold: boolean
  readonly unuse: () => void
}

/** The reply is a stream, which fastify sends as it is; the caller's going away ends it. */
function streamEvents(reply: FastifyReply, stream: EventStream): FastifyReply {
  const disconnected = new AbortController()
  const end = (): void => {
    disconnected.abort()
    stream.unuse()
  }
  reply.raw.once('close', end)
  if (reply.raw.destroyed || reply.raw.socket?.destroyed === true) end()
  const lines = Readable.from(eventLines(stream, disconnected.signal), { objectMode: false })
  return reply.type(EVENT_STREAM_TYPE).header('cache-control', 'no-store').send(lines)
}

async function* eventLines({ handle, clock, hold }: EventStream, signal: AbortSignal): AsyncGenerator<string> {
  for await (const event of downloadEvents(handle, clock, signal)) yield `${JSON.stringify(event)}\n`
  if (hold && handle.outcome?.type === 'finished') await whenAborted(AbortSignal.any([signal, handle.stopped]))
}

async function whenAborted(signal: AbortSignal): Promise<void> {
  if (!signal.aborted) await once(signal, 'abort')
}
