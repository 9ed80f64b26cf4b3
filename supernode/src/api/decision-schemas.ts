import { BASES, OUTCOMES, VERDICTS } from '@damselfly/scheduler/explain'
import { PRIORITIES } from '@damselfly/shared'
import * as z from 'zod'

export const decisionQuery = z.object({
  peer: z.string().min(1).max(128).optional().describe('The child: its id, or the end of it'),
  piece: z.coerce.number().int().min(0).optional().describe('Index of a piece'),
  limit: z.coerce.number().int().min(1).max(1000).default(100),
  after: z.coerce.number().int().min(0).optional().describe('The `next` of the page before'),
})

const made = {
  number: z.number().describe('Grows from decision to decision'),
  at: z.iso.datetime(),
  child: z.string().describe('PeerId'),
  words: z.string().describe('The same in a few sentences; peers by the end of their ids'),
}

const candidateBody = z.object({
  peer: z.string(),
  isCdn: z.boolean(),
  verdict: z.enum(VERDICTS).describe('Why it was not the one'),
  blockedUntil: z.iso.datetime().nullable().describe('null unless it was blocked until a known time'),
})

const order = z.enum(['rarest-first', 'in-order'])

export const decisionBody = z.discriminatedUnion('type', [
  z.object({ type: z.literal('joined'), ...made, order }),
  z.object({ type: z.literal('back-to-source'), ...made, reason: z.enum(['origin-failed', 'no-parent']) }),
  z.object({
    type: z.literal('assigned'),
    ...made,
    piece: z.number(),
    parent: z.string().describe('PeerId'),
    basis: z.enum(BASES).describe('`peer`: a peer gives it; `only-cdn`, `peers-busy`, `peers-slow`: why the CDN does'),
    order,
    priority: z.enum(PRIORITIES).describe('Background yields to foreground where slots are short'),
    waitedMs: z.number().describe('How long the child had room for one more piece'),
    trigger: z.string().describe('The event that made it possible'),
    triggerPeer: z.string().nullable().describe('Whom that was about'),
    peers: z.number().describe('In the swarm, without the CDN'),
    holders: z.number().describe('Peers that had the piece'),
    copies: z.number().describe('Peers that had it or were about to'),
    others: z.array(candidateBody).describe('Some of the others that could have given it'),
    outcome: z.enum(OUTCOMES).nullable().describe('null while it is under way'),
    tookMs: z.number().nullable().describe('null while it is under way'),
  }),
])
export type DecisionBody = z.output<typeof decisionBody>

export const decisionListBody = z.object({
  taskId: z.string(),
  answer: z.string().nullable().describe('Where `peer` and `piece` are given: how the peer came to the piece'),
  waiting: z.string().nullable().describe('Where `peer` is given and waits for a piece at the moment: what for'),
  decisions: z.array(decisionBody).describe('In the order in which they were made'),
  next: z.number().nullable().describe('Give it as `after` for the next page; null on the last one'),
  oldest: z.number().describe('The oldest decision of the task that is still kept'),
  isCut: z.boolean().describe('Whether older ones were forgotten'),
})
