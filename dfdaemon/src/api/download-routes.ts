import { once } from 'node:events'
import { Readable } from 'node:stream'
import { DamselflyError, type Clock } from '@damselfly/shared'
import type { FastifyReply } from 'fastify'
import * as z from 'zod'
import { apiErrorBody, type ApiServer } from '@damselfly/shared/http-api'
import { requestFromBody } from './bodies.ts'
import type { DownloadHandle, DownloadHandles } from './download-handles.ts'
import { downloadEvents, wholeStory } from './event-stream.ts'
import { CAPABILITY_HEADER, DOWNLOADS_PATH, EVENT_STREAM_TYPE } from './protocol.ts'
import { capabilityHeaders, detachedBody, downloadBody, downloadEvent, type DownloadEvent } from './schemas.ts'

/** Milliseconds. */
const SOON_MS = 5

const GONE = new DamselflyError('CANCELLED', 'the caller went away')

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
      const { keep, detach } = request.body
      const handle = await handles.open(requestFromBody(request.body), keep === 'minute')
      const unuse = handle.use()
      if (detach) {
        const detached = (): void => unuse()
        handle.download.finished.then(detached, detached)
        return reply.code(202).send({ taskId: handle.download.taskId, capability: handle.capability })
      }
      return tellEvents(reply, { handle, clock, staysOpen: keep === 'connection', unuse })
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
  /** Whether the answer stays open after the last event until the caller closes it. */
  readonly staysOpen: boolean
  readonly unuse: () => void
}

/** The caller's going away ends it. A download that ends at once, as that of a held content does, is told of at once. */
async function tellEvents(reply: FastifyReply, stream: EventStream): Promise<FastifyReply> {
  const disconnected = new AbortController()
  const end = (): void => {
    disconnected.abort(GONE)
    stream.unuse()
  }
  reply.raw.once('close', end)
  if (reply.raw.destroyed || reply.raw.socket?.destroyed === true) end()
  void reply.type(EVENT_STREAM_TYPE).header('cache-control', 'no-store')
  await endsSoon(stream)
  const story = wholeStory(stream.handle)
  if (story !== undefined && !stream.staysOpen) return reply.send(Buffer.from(story.map(lineOf).join('')))
  return reply.send(Readable.from(eventLines(stream, story, disconnected.signal), { objectMode: false }))
}

/** Resolves when the download has ended, and otherwise after a moment that nobody notices. */
async function endsSoon({ handle, clock }: EventStream): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>()
  const cancel = clock.after(SOON_MS, resolve)
  handle.download.finished.then(() => resolve(), () => resolve())
  await promise
  cancel()
}

async function* eventLines(
  { handle, clock, staysOpen }: EventStream,
  story: readonly DownloadEvent[] | undefined,
  signal: AbortSignal,
): AsyncGenerator<string> {
  if (story !== undefined) yield story.map(lineOf).join('')
  else for await (const event of downloadEvents(handle, clock, signal)) yield lineOf(event)
  if (staysOpen && handle.outcome?.type === 'finished') await whenAborted(AbortSignal.any([signal, handle.stopped]))
}

function lineOf(event: DownloadEvent): string {
  return `${JSON.stringify(event)}\n`
}

async function whenAborted(signal: AbortSignal): Promise<void> {
  if (!signal.aborted) await once(signal, 'abort')
}
