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
  lastUsedAt: z.iso.datetime(),
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

export const pageQuery = z.object({
  limit: z.coerce.number().int().min(1).max(1000).default(100),
  after: z.string().max(128).optional().describe('The `next` of the page before'),
})

export const taskQuery = pageQuery.extend({
  source: z.enum(TASK_STATES).optional(),
  tag: z.string().max(256).optional(),
  application: z.string().max(256).optional(),
})

export type TaskBody = z.output<typeof taskBody>
export type PeerBody = z.output<typeof peerBody>
