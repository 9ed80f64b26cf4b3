import { toDamselflyError, type ErrorCode } from '@damselfly/shared'
import { apiErrorBody, type ApiServer } from '@damselfly/shared/http-api'
import type { FastifyRequest } from 'fastify'
import * as z from 'zod'
import { auditEntry, type AuditLog } from '../access/audit-log.ts'

export interface AuditSources {
  readonly audit: AuditLog
}

/** Fields of requests that hold no secrets; URLs and headers may. */
const SHOWN: ReadonlySet<string> = new Set(
  'name role scopes expiresAt reason direction peer addresses tag application location priority upload download origin together dryRun bytes peers scope digest'.split(' '),
)

/** Records every change, also one that is refused to a known caller, before its answer goes out. To be put on the server before its routes. */
export function recordChanges(app: ApiServer, audit: AuditLog): void {
  const failures = new WeakMap<FastifyRequest, ErrorCode>()
  app.addHook('onError', async (request, _reply, error) => void failures.set(request, toDamselflyError(error, (error.statusCode ?? 500) < 500 ? 'USAGE' : 'INTERNAL').code))
  app.addHook('onSend', async (request, reply) => {
    const { caller, method, routeOptions, params, body, ip } = request
    if (caller === undefined || method === 'GET' || method === 'HEAD' || routeOptions.url === undefined) return
    await audit.record({
      who: caller.name,
      role: caller.role,
      address: ip,
      action: `${method} ${routeOptions.url}`,
      target: ((params as { readonly id?: string } | undefined)?.id ?? '').slice(0, 128),
      given: shownOf(body),
      status: reply.statusCode,
      code: failures.get(request) ?? null,
    })
  })
}

function shownOf(body: unknown): Record<string, unknown> {
  if (typeof body !== 'object' || body === null) return {}
  const shown = Object.entries(body).filter(([field, value]) => SHOWN.has(field) && JSON.stringify(value).length <= 500)
  return Object.fromEntries(shown)
}

export function addAuditRoutes(app: ApiServer, { audit }: AuditSources): void {
  app.get(
    '/api/v1/audit',
    {
      schema: {
        description: 'Who changed, or tried to change, what through this API; the newest first.',
        querystring: z.object({
          limit: z.coerce.number().int().min(1).max(1000).default(100),
          before: z.coerce.number().int().min(1).optional().describe('The `next` of the page before'),
        }),
        response: { 200: z.object({ entries: z.array(auditEntry), next: z.number().nullable().describe('Give it as `before`; null on the last page') }), '4xx': apiErrorBody },
      },
    },
    async ({ query: { limit, before } }) => {
      const entries = audit.list(limit, before)
      const last = entries.at(-1)
      return { entries: [...entries], next: last !== undefined && audit.list(1, last.number).length > 0 ? last.number : null }
    },
  )
}
