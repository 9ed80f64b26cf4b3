import { toDamselflyError, type ErrorCode } from '@damselfly/shared'
import { apiErrorBody, type ApiServer } from '@damselfly/shared/http-api'
import type { FastifyReply, FastifyRequest } from 'fastify'
import * as z from 'zod'
import { auditEntry, type AuditLog } from '../access/audit-log.ts'
import { bearerOf, tokenIdOf } from '../access/bearer.ts'
import type { RefusalLog } from '../access/refusal-log.ts'

export interface AuditSources {
  readonly audit: AuditLog
  readonly refusals: RefusalLog
}

/** Fields of requests that hold no secrets; URLs and headers may. */
const SHOWN: ReadonlySet<string> = new Set(
  'name role scopes expiresAt reason direction peer addresses tag application location priority upload download origin together dryRun bytes peers scope digest note uses'.split(' '),
)

const MOST_SHOWN = 128

/** Records every change, and what was refused to strangers, before its answer goes out. To be put on the server before its routes. */
export function recordChanges(app: ApiServer, { audit, refusals }: AuditSources): void {
  const failures = new WeakMap<FastifyRequest, ErrorCode>()
  app.addHook('onError', async (request, _reply, error) => void failures.set(request, toDamselflyError(error, (error.statusCode ?? 500) < 500 ? 'USAGE' : 'INTERNAL').code))
  app.addHook('onSend', async (request, reply) => {
    const code = failures.get(request) ?? null
    if (request.caller !== undefined) await recordKnown(audit, request, reply, code)
    else if (code === 'UNAUTHORIZED') recordStranger(refusals, request, reply, code)
  })
}

async function recordKnown(audit: AuditLog, request: FastifyRequest, { statusCode: status }: FastifyReply, code: ErrorCode | null): Promise<void> {
  const { caller, routeOptions, params, body, clientAddress: address } = request
  if (caller === undefined || !isChange(request) || routeOptions.url === undefined) return
  const target = ((params as { readonly id?: string } | undefined)?.id ?? '').slice(0, MOST_SHOWN)
  await audit.record({ who: caller.name, role: caller.role, address, action: actionOf(request), target, given: shownOf(body), status, code })
}

/** Whoever shows nothing and changes nothing has only lost the way. */
function recordStranger(refusals: RefusalLog, request: FastifyRequest, { statusCode: status }: FastifyReply, code: ErrorCode): void {
  const { authorization } = request.headers
  if (authorization === undefined && !isChange(request)) return
  refusals.record({ named: tokenIdOf(bearerOf(authorization)), address: request.clientAddress, action: actionOf(request), status, code })
}

function isChange({ method }: FastifyRequest): boolean {
  return method !== 'GET' && method !== 'HEAD' && method !== 'OPTIONS'
}

/** The route as it is declared; never what stands in its place, nor a query. */
function actionOf({ method, routeOptions }: FastifyRequest): string {
  return `${method} ${routeOptions.url ?? '(no such route)'}`
}

function shownOf(body: unknown): Record<string, unknown> {
  if (typeof body !== 'object' || body === null) return {}
  const shown = Object.entries(body).filter(([field, value]) => SHOWN.has(field) && JSON.stringify(value).length <= 500)
  return Object.fromEntries(shown)
}

const listed = z.object({
  limit: z.coerce.number().int().min(1).max(1000).default(100),
  before: z.coerce.number().int().min(1).optional().describe('The `next` of the page before'),
  who: z.string().max(200).optional().describe("A part of the caller's name"),
  address: z.string().max(64).optional(),
  action: z.string().max(200).optional().describe('A part of the method and route, whatever its case'),
  target: z.string().max(MOST_SHOWN).optional().describe('The whole id'),
  since: z.iso.datetime().optional(),
  until: z.iso.datetime().optional(),
  failed: z.stringbool().optional().describe('`true`: only what was refused or failed'),
})

const page = z.object({ entries: z.array(auditEntry), next: z.number().nullable().describe('Give it as `before`; null on the last page') })

export function addAuditRoutes(app: ApiServer, { audit, refusals }: AuditSources): void {
  const response = { 200: page, '4xx': apiErrorBody }
  app.get(
    '/api/v1/audit',
    { schema: { description: 'Who changed, or tried to change, what through this API; the newest first.', querystring: listed, response } },
    async ({ query }) => pageOf(audit, query),
  )
  app.get(
    '/api/v1/audit/refusals',
    { schema: { description: 'What was refused to callers whom nobody knows: wrong tokens, and changes without one; the newest first.', querystring: listed, response } },
    async ({ query }) => pageOf(refusals.log, query),
  )
}

function pageOf(log: AuditLog, { limit, since, until, ...more }: z.output<typeof listed>): z.output<typeof page> {
  const filter = { ...more, since: momentOf(since), until: momentOf(until) }
  const entries = log.list(limit, filter)
  const last = entries.at(-1)
  const hasMore = last !== undefined && log.list(1, { ...filter, before: last.number }).length > 0
  return { entries: [...entries], next: hasMore ? last.number : null }
}

function momentOf(time: string | undefined): number | undefined {
  return time === undefined ? undefined : Date.parse(time)
}
