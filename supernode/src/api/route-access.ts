import type { Requirement, Scope } from '../access/roles.ts'

const reads = (scope?: Scope): Requirement => ({ role: 'viewer', ...(scope === undefined ? {} : { scope }) })
const changes = (scope: Scope): Requirement => ({ role: 'operator', scope })
const manages: Requirement = { role: 'admin', scope: 'access' }

/** What each route of the management API asks of its callers. One that is missing here is refused at the start. */
export const ROUTE_ACCESS: Readonly<Record<string, Requirement>> = {
  'GET /healthz': 'open',
  'GET /readyz': 'open',

  'GET /api/v1/whoami': 'anybody',
  'GET /api/v1/version': reads(),
  'GET /openapi.json': reads(),
  'GET /metrics': reads('metrics'),

  'GET /api/v1/tasks': reads('contents'),
  'GET /api/v1/tasks/:id': reads('contents'),
  'GET /api/v1/tasks/:id/decisions': reads('contents'),
  'POST /api/v1/tasks/:id/refresh': changes('contents'),
  'POST /api/v1/tasks/:id/pin': changes('contents'),
  'POST /api/v1/tasks/:id/unpin': changes('contents'),
  'POST /api/v1/tasks/:id/evict': changes('contents'),
  'GET /api/v1/gc': reads('contents'),
  'POST /api/v1/gc': changes('contents'),
  'GET /api/v1/scrub': reads('contents'),
  'POST /api/v1/scrub': changes('contents'),

  'GET /api/v1/preheats': reads('preheats'),
  'POST /api/v1/preheats': changes('preheats'),
  'GET /api/v1/preheats/:id': reads('preheats'),
  'GET /api/v1/preheats/:id/targets': reads('preheats'),
  'POST /api/v1/preheats/:id/cancel': changes('preheats'),
  'DELETE /api/v1/preheats/:id': changes('preheats'),

  'GET /api/v1/peers': reads('peers'),
  'GET /api/v1/peers/:id': reads('peers'),
  'GET /api/v1/blocklist': reads('peers'),

  'GET /api/v1/blocklist/rules': reads('rules'),
  'POST /api/v1/blocklist/rules': changes('rules'),
  'DELETE /api/v1/blocklist/rules/:id': changes('rules'),
  'GET /api/v1/priorities/rules': reads('rules'),
  'POST /api/v1/priorities/rules': changes('rules'),
  'DELETE /api/v1/priorities/rules/:id': changes('rules'),
  'GET /api/v1/rates': reads('rules'),
  'POST /api/v1/rates/rules': changes('rules'),
  'DELETE /api/v1/rates/rules/:id': changes('rules'),
  'PATCH /api/v1/rates/cdn': changes('rules'),

  'GET /api/v1/admission': manages,
  'POST /api/v1/admission/:id/admit': manages,
  'POST /api/v1/admission/:id/revoke': manages,
  'GET /api/v1/audit': manages,
  'GET /api/v1/audit/refusals': manages,
  'GET /api/v1/tokens': manages,
  'POST /api/v1/tokens': manages,
  'DELETE /api/v1/tokens/:id': manages,
}
