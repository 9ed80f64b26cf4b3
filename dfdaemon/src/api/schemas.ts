import { parseDigest, PRIORITIES } from '@damselfly/shared'
import { apiErrorBody } from '@damselfly/shared/http-api'
import * as z from 'zod'
import { BACK_TO_SOURCE_REASONS } from '../peer/peer.ts'

const byteCount = z.int().min(0)

const byteRange = z
  .strictObject({ start: byteCount, end: byteCount.optional() })
  .refine((range) => range.end === undefined || range.end >= range.start, 'the end lies before the start')

/** HTTP's token characters, so that no header can be smuggled into another one. */
const headerName = z.string().regex(/^[!#$%&'*+\-.^_`|~0-9a-z]{1,256}$/i, 'is not a header name')
// oxlint-disable-next-line no-control-regex -- what must not occur in a header value is just that
const headerValue = z.string().max(64 * 1024).regex(/^[^\0\r\n]*$/, 'has characters that a header value cannot have')

export const downloadBody = z
  .strictObject({
    url: z.string().min(1).max(64 * 1024),
    headers: z.array(z.tuple([headerName, headerValue])).max(256).default([]).describe('Credentials among them are used for this caller only.'),
    filteredQueryParams: z.array(z.string().min(1).max(1024)).max(256).default([]),
    tag: z.string().max(1024).default(''),
    application: z.string().max(1024).default(''),
    digest: z
      .string()
      .refine((text) => parseDigest(text) !== undefined, 'is not a digest such as sha256:<64 hexadecimal characters>')
      .optional(),
    range: byteRange.optional().describe('Both ends inclusive.'),
    order: z.enum(['rarest-first', 'in-order']).default('rarest-first'),
    backToSource: z.boolean().default(true).describe('Whether the origin itself may be used.'),
    limitRate: z.number().positive().optional().describe('Bytes per second.'),
    priority: z.enum(PRIORITIES).default('foreground').describe('background: yields to what others want, wherever a rate is limited.'),
    keep: z
      .enum(['minute', 'connection', 'none'])
      .default('minute')
      .describe(
        'How long the finished content can be read and is safe from deletion: for a minute, until the caller closes the connection (the answer stays open until then), or not at all.',
      ),
    detach: z.boolean().default(false).describe('Answer at once and download on without this caller.'),
  })
  .describe('What to download.')

const bytesFrom = z.object({ held: byteCount, peers: byteCount, cdn: byteCount, origin: byteCount })
const backToSource = z.enum(BACK_TO_SOURCE_REASONS).optional()

export const startedEvent = z.object({
  type: z.literal('started'),
  taskId: z.string(),
  capability: z.string().describe('Send it as x-damselfly-download to read the content.'),
})

export const progressEvent = z.object({
  type: z.literal('progress'),
  contentLength: byteCount.optional(),
  verifiedBytes: byteCount,
  inFlightBytes: byteCount,
  bytesFrom,
  backToSource,
})

export const doneEvent = z.object({
  type: z.literal('done'),
  digest: z.string().optional(),
  length: byteCount,
  path: z.string().describe('The file in the data directory. Link or copy it if you may read it; never write to it.'),
  device: z.string().describe('With inode: tells whether the path means the same file to you (containers).'),
  inode: z.string(),
  bytesFrom,
  backToSource,
})

export const errorEvent = apiErrorBody.extend({ type: z.literal('error') })

export const downloadEvent = z.discriminatedUnion('type', [startedEvent, progressEvent, doneEvent, errorEvent])

export const detachedBody = startedEvent.omit({ type: true })

export const taskParams = z.object({ id: z.string().regex(/^[0-9a-f]{64}$/, 'is not a task id') })

export const taskBody = z.object({
  taskId: z.string(),
  url: z.string().describe('Redacted.'),
  tag: z.string(),
  application: z.string(),
  state: z.enum(['downloading', 'complete', 'partial']),
  contentLength: byteCount.optional(),
  verifiedBytes: byteCount,
  pinned: z.boolean(),
  digest: z.string().optional(),
  createdAt: z.string(),
  lastUsedAt: z.string(),
})

export const tasksBody = z.object({ tasks: z.array(taskBody) })

export const supernodeBody = z.discriminatedUnion('type', [
  z.object({ type: z.literal('none') }),
  z.object({ type: z.literal('connected'), address: z.string(), peer: z.string() }),
  z.object({ type: z.literal('disconnected'), address: z.string(), error: apiErrorBody.optional() }),
])

export const statusBody = z.object({
  peer: z.string(),
  version: z.string(),
  supernode: supernodeBody,
  endpoints: z.array(z.string()),
  downloads: byteCount,
  tasks: byteCount,
  usedBytes: byteCount,
})

export const healthBody = z.object({ status: z.enum(['ok', 'stopping']) })

export const contentHeaders = z.object({
  'x-damselfly-download': z.string().max(256).optional(),
  range: z.string().max(256).optional(),
})

export const capabilityHeaders = contentHeaders.pick({ 'x-damselfly-download': true })

export type DownloadBody = z.input<typeof downloadBody>
export type ParsedDownloadBody = z.output<typeof downloadBody>
export type DownloadEvent = z.output<typeof downloadEvent>
export type StartedEvent = z.output<typeof startedEvent>
export type DoneEvent = z.output<typeof doneEvent>
export type TaskBody = z.output<typeof taskBody>
export type StatusBody = z.output<typeof statusBody>
