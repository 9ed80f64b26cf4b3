import type { RateLimiter } from '@damselfly/shared'
import { apiErrorBody, type ApiServer } from '@damselfly/shared/http-api'
import * as z from 'zod'
import { blockConditions, blockRule, type BlockRule } from '../rules/block-rule.ts'
import { concernsSome } from '../rules/download-conditions.ts'
import { priorityConditions, priorityRule, type PriorityRule } from '../rules/priority-rule.ts'
import type { RateControl } from '../rules/rate-control.ts'
import { RATE_KINDS, rateConditions, rateRule, type RateRule } from '../rules/rate-rule.ts'
import { ruleHead, type RuleList } from '../rules/rule-list.ts'
import type { PeerRegister } from '../control/peer-register.ts'

export interface RuleSources {
  readonly blockRules: RuleList<BlockRule>
  readonly rateRules: RuleList<RateRule>
  readonly priorityRules: RuleList<PriorityRule>
  readonly rateControl: Pick<RateControl, 'ratesOf'>
  /** What the CDN sends. */
  readonly cdnUploads: Pick<RateLimiter, 'limits' | 'setLimits'>
  readonly peers: PeerRegister
}

/** When and why, as whoever makes a rule says it. */
const terms = z.object({
  reason: ruleHead.shape.reason,
  expiresAt: z.iso.datetime().optional().describe('Until then; absent: until it is removed'),
})

const ABOUT_EVERYTHING = { error: 'a rule without peer, addresses, tag, application or url would concern everything' }

const newBlockRule = z
  .strictObject({ ...blockConditions.shape, ...terms.shape })
  .refine(concernsSome, ABOUT_EVERYTHING)

const newPriorityRule = z.strictObject({ ...priorityConditions.shape, ...terms.shape }).refine(concernsSome, ABOUT_EVERYTHING)

const newRateRule = z
  .strictObject({ ...rateConditions.shape, ...terms.shape })
  .refine((rule) => RATE_KINDS.some((kind) => rule[kind] !== undefined), { error: 'a rule limits upload, download or origin' })

const ruleParams = z.object({ id: z.string().max(64) })
const limited = z.number().describe('Bytes per second; 0: not limited')
const cdnRates = z.object({ upload: z.number().min(0).describe('What the CDN sends to all peers together; bytes per second, 0: not limited') })
const peerRates = z.object({ peer: z.string(), upload: limited, download: limited, origin: limited })

const refusals = { 400: apiErrorBody, 401: apiErrorBody }

export function addBlockRuleRoutes(app: ApiServer, { blockRules }: RuleSources): void {
  app.get(
    '/api/v1/blocklist/rules',
    { schema: { description: 'What people forbade.', response: { 200: z.object({ rules: z.array(blockRule) }), 401: apiErrorBody } } },
    async () => ({ rules: [...blockRules.list()] }),
  )
  app.post(
    '/api/v1/blocklist/rules',
    {
      schema: {
        description: 'Forbids downloads or uploads that match all of what is given. Holds at once, for running downloads too, and over restarts.',
        body: newBlockRule,
        response: { 201: blockRule, ...refusals },
      },
    },
    async ({ body }, reply) => reply.code(201).send(await blockRules.add({ ...body, expiresAt: body.expiresAt ?? null })),
  )
  addRemoval(app, '/api/v1/blocklist/rules/:id', 'Allows again what the rule forbade. Holds at once.', blockRules)
}

export function addPriorityRoutes(app: ApiServer, { priorityRules }: RuleSources): void {
  app.get(
    '/api/v1/priorities/rules',
    { schema: { description: 'Whose downloads, and of what, have another priority than they say.', response: { 200: z.object({ rules: z.array(priorityRule) }), 401: apiErrorBody } } },
    async () => ({ rules: [...priorityRules.list()] }),
  )
  app.post(
    '/api/v1/priorities/rules',
    {
      schema: {
        description: 'Gives downloads that match all of what is given a priority, whatever their callers say; of several rules the oldest counts. Holds at once, for running downloads too, and over restarts.',
        body: newPriorityRule,
        response: { 201: priorityRule, ...refusals },
      },
    },
    async ({ body }, reply) => reply.code(201).send(await priorityRules.add({ ...body, expiresAt: body.expiresAt ?? null })),
  )
  addRemoval(app, '/api/v1/priorities/rules/:id', 'Lets downloads have the priority again that they say. Holds at once.', priorityRules)
}

export function addRateRoutes(app: ApiServer, { rateRules, rateControl, cdnUploads, peers }: RuleSources): void {
  app.get(
    '/api/v1/rates',
    {
      schema: {
        description: 'Limits of rate for peers, and what each connected peer that is limited may do now.',
        response: { 200: z.object({ cdn: cdnRates, rules: z.array(rateRule), peers: z.array(peerRates) }), 401: apiErrorBody },
      },
    },
    async () => {
      const told = [...peers.list()].map(({ peer }) => ({ peer, ...rateControl.ratesOf(peer) }))
      return { cdn: { upload: cdnUploads.limits.host }, rules: [...rateRules.list()], peers: told.filter((rates) => RATE_KINDS.some((kind) => rates[kind] > 0)) }
    },
  )
  app.post(
    '/api/v1/rates/rules',
    {
      schema: {
        description: 'Limits what peers send and receive, below what they allow themselves. Holds at once, and over restarts.',
        body: newRateRule,
        response: { 201: rateRule, ...refusals },
      },
    },
    async ({ body }, reply) => reply.code(201).send(await rateRules.add({ ...body, expiresAt: body.expiresAt ?? null })),
  )
  app.patch(
    '/api/v1/rates/cdn',
    {
      schema: {
        description: 'Changes what the CDN sends, for running transfers too, until the supernode ends.',
        body: z.strictObject(cdnRates.shape),
        response: { 200: cdnRates, ...refusals },
      },
    },
    async ({ body: { upload } }) => {
      cdnUploads.setLimits({ host: upload })
      return { upload: cdnUploads.limits.host }
    },
  )
  addRemoval(app, '/api/v1/rates/rules/:id', 'Lifts a limit. Holds at once.', rateRules)
}

function addRemoval(app: ApiServer, path: string, description: string, rules: Pick<RuleList<never>, 'remove'>): void {
  app.delete(
    path,
    { schema: { description, params: ruleParams, response: { 204: z.null(), 401: apiErrorBody, 404: apiErrorBody } } },
    async ({ params: { id } }, reply) => {
      await rules.remove(id)
      return reply.code(204).send(null)
    },
  )
}
