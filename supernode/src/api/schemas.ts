import * as z from 'zod'

export const TASK_STATES = ['idle', 'starting', 'fetching', 'passed-on', 'complete', 'failed'] as const

export const healthBody = z.object({ status: z.enum(['ok', 'stopping']) })

export const versionBody = z.object({ name: z.string(), version: z.string(), node: z.string(), peerId: z.string() })

export const taskBody = z.object({
  taskId: z.string(),
  url: z.string().describe('Without user info and query values'),
  tag: z.string(),
  application: z.string(),
  source: z.enum(TASK_STATES).describe('What the CDN does for the task'),
  isPrivate: z.boolean(),
  contentLength: z.number().nullable().describe('Bytes; null while unknown'),
  pieceSize: z.number().nullable().describe('Bytes; null while unknown'),
  pieces: z.number().nullable(),
  knownDigests: z.number(),
  cdnPieces: z.number(),
  contentDigest: z.string().nullable(),
  isSigned: z.boolean().describe('Whether the manifest is complete and signed'),
  peers: z.number(),
  children: z.number(),
  createdAt: z.iso.datetime(),
  lastUsedAt: z.iso.datetime().describe('When somebody last asked for it'),
  heldBytes: z.number().describe('That the CDN keeps of it'),
  pinned: z.boolean(),
  version: z
    .object({ etag: z.string(), lastModified: z.string(), since: z.iso.datetime().describe('When its fetch began') })
    .nullable()
    .describe('Of what the CDN keeps'),
  hits: z.number().describe('Times that it was asked for while it was here or on its way'),
  servedBytes: z.number().describe('That peers got from the CDN and from each other'),
  originBytes: z.number().describe('That the CDN got from the origin'),
  bytesSaved: z.number().describe('What the origin did not have to send'),
})

export const memberBody = z.object({ peer: z.string(), isChild: z.boolean(), pieces: z.number() })

export const taskDetailBody = taskBody.extend({ members: z.array(memberBody) })

export const taskListBody = z.object({
  tasks: z.array(taskBody),
  next: z.string().nullable().describe('Give it as `after` for the next page; null on the last one'),
})

export const peerBody = z.object({
  peer: z.string(),
  hostName: z.string(),
  agent: z.string(),
  address: z.string(),
  endpoints: z.array(z.object({ kind: z.string(), host: z.string(), port: z.number() })),
  location: z.object({ location: z.string(), zone: z.string(), rack: z.string() }),
  security: z.string(),
  uploadSlots: z.number(),
  tasks: z.number(),
  connectedAt: z.iso.datetime(),
})

export const peerDetailBody = peerBody.extend({
  members: z.array(z.object({ taskId: z.string(), isChild: z.boolean(), pieces: z.number() })),
})

export const peerListBody = z.object({ peers: z.array(peerBody), next: z.string().nullable() })

export const blocklistBody = z.object({
  entries: z.array(
    z.object({
      parent: z.string(),
      child: z.string().nullable().describe('null: for everybody'),
      reason: z.string(),
      failures: z.number(),
      until: z.iso.datetime(),
    }),
  ),
})

/** HTTP's token characters, so that no header can be smuggled into another one. */
const headerName = z.string().regex(/^[!#$%&'*+\-.^_`|~0-9a-z]{1,256}$/i, 'is not a header name')
// oxlint-disable-next-line no-control-regex -- what must not occur in a header value is just that
const headerValue = z.string().max(8192).regex(/^[^\0\r\n]*$/, 'has characters that a header value cannot have')

/** Request headers for an origin. */
export const headerList = z.array(z.tuple([headerName, headerValue])).max(64)

export const pageQuery = z.object({
  limit: z.coerce.number().int().min(1).max(1000).default(100),
  after: z.string().max(128).optional().describe('The `next` of the page before'),
})

export const TASK_ORDERS = ['taskId', 'lastUsedAt', 'heldBytes', 'hits', 'bytesSaved'] as const

export const taskQuery = pageQuery.extend({
  sort: z.enum(TASK_ORDERS).default('taskId').describe('By what; all but `taskId` begin with the most'),
  pinned: z.stringbool().optional(),
  source: z.enum(TASK_STATES).optional(),
  tag: z.string().max(256).optional(),
  application: z.string().max(256).optional(),
})

export type TaskBody = z.output<typeof taskBody>
export type PeerBody = z.output<typeof peerBody>
