import assert from 'node:assert/strict'
import { VirtualClock } from '@damselfly/shared'
import { createApiServer } from '@damselfly/shared/http-api'
import { silentLogger } from '@damselfly/shared/logging'
import { Authenticator } from '../../src/access/authenticator.ts'
import { ClientCertificates } from '../../src/access/client-certificates.ts'
import { isAllowed, ROLES, SCOPES, type Caller, type Role } from '../../src/access/roles.ts'
import { guard } from '../../src/api/guard.ts'
import { ApiBench } from '../api-bench.ts'

interface Operation {
  readonly security: readonly { readonly token: readonly string[] }[]
}

interface Route {
  readonly method: string
  readonly path: string
  /** Undefined: open to everybody. */
  readonly needs: readonly string[] | undefined
}

const RANKS: Readonly<Record<Role, number>> = { peer: 0, viewer: 1, operator: 2, admin: 3 }

describe('every route of the management API', function () {
  // Hundreds of requests, on machines that are busy too.
  this.timeout(120_000)
  let api: ApiBench
  let routes: readonly Route[]

  before(async () => {
    api = await ApiBench.start()
    const { paths } = (await (await api.request('/openapi.json')).json()) as { paths: Record<string, Record<string, Operation>> }
    routes = Object.entries(paths).flatMap(([path, methods]) =>
      Object.entries(methods).map(([method, { security }]) => ({ method: method.toUpperCase(), path, needs: security[0]?.token })),
    )
  })
  after(() => api.stop())

  const statusOf = async ({ method, path }: Route, token: string): Promise<number> => {
    const response = await api.request(path.replaceAll(/\{\w+\}/g, 'x'), { method, token })
    await response.arrayBuffer()
    return response.status
  }

  it('asks for a token, except for health', async () => {
    const open = new Set(['/healthz', '/readyz'])
    for (const route of routes) {
      const wanted = open.has(route.path) ? 200 : 401
      assert.equal(route.needs === undefined, open.has(route.path), route.path)
      for (const token of ['', 'wrong', `${api.adminToken}x`, `dfly_${'0'.repeat(12)}_${'x'.repeat(43)}`]) {
        assert.equal(await statusOf(route, token), wanted, `${route.method} ${route.path}`)
      }
      // So that nobody has to wait for having been wrong so often.
      api.control.clock.advance(15 * 60_000)
    }
  })

  it('is open to the roles that it declares, and to no others', async () => {
    const tokens = new Map(await Promise.all(ROLES.map(async (role) => [role, await api.token({ role })] as const)))
    let tried = 0
    for (const route of routes) {
      if (route.needs === undefined) continue
      const least = route.needs.length === 0 ? 'peer' : (route.needs[0] as Role)
      for (const [role, token] of tokens) {
        const status = await statusOf(route, token)
        const isRefused = status === 401 || status === 403
        assert.equal(isRefused, RANKS[role] < RANKS[least], `${role}: ${route.method} ${route.path} answered ${status}`)
        tried++
      }
    }
    process.stdout.write(`      ${routes.length} routes, ${tried} of them times roles\n`)
    assert.ok(tried >= 4 * 30)
  })

  it('asks of readers less than of those who change something, and most for access', () => {
    for (const { method, path, needs = [] } of routes) {
      const least = needs[0]
      if (/\/(?:tokens|audit|admission)\b/.test(path)) assert.equal(least, 'admin', path)
      else if (method !== 'GET') assert.equal(least, 'operator', `${method} ${path}`)
      else assert.ok(least === undefined || least === 'viewer', path)
    }
  })

  it('is closed to tokens that are confined to other parts', async () => {
    let tried = 0
    for (const scope of SCOPES) {
      const token = await api.token({ role: 'admin', scopes: [scope] })
      for (const route of routes) {
        const wanted = route.needs?.[1]
        if (wanted === undefined) continue
        const status = await statusOf(route, token)
        assert.equal(status === 403, wanted !== `scope:${scope}`, `${scope}: ${route.method} ${route.path} answered ${status}`)
        tried++
      }
    }
    process.stdout.write(`      ${tried} of routes times scopes\n`)
  })

  it('tells in words what is missing', async () => {
    const response = await api.request('/api/v1/gc', { method: 'POST', token: await api.token({ role: 'viewer', name: 'graphs' }) })
    const { code, message } = (await response.json()) as { code: string; message: string }
    assert.deepEqual([response.status, code], [403, 'FORBIDDEN'])
    assert.match(message, /^POST \/api\/v1\/gc wants the role operator and the scope contents; graphs \(\w{12}\) has the role viewer$/)
  })
})

describe('a route that nobody declared', () => {
  const clock = new VirtualClock()
  const authenticator = new Authenticator({ adminToken: { matches: () => true }, tokens: { find: () => undefined }, certificates: new ClientCertificates([], clock), oidc: undefined, clock })

  it('keeps the server from starting, and so does a declaration without a route', () => {
    const app = createApiServer({ maxBodyBytes: 1000, logger: silentLogger() })
    const check = guard(app, authenticator, async () => undefined, { 'GET /known': 'anybody', 'POST /known': 'anybody' })
    app.get('/known', async () => 'x')
    assert.throws(() => app.get('/forgotten', async () => 'x'), /nobody has declared who may use GET \/forgotten/)
    assert.throws(() => app.delete('/known', async () => 'x'), /nobody has declared who may use DELETE \/known/)
    assert.throws(check, /there is no route POST \/known/)
  })
})

describe('roles', () => {
  const caller = (role: Role, scopes?: Caller['scopes']): Caller => ({ kind: 'token', name: 'x', role, scopes })

  it('contain those below them, and a peer has none of them', () => {
    const viewing = { role: 'viewer' } as const
    assert.deepEqual(ROLES.map((role) => isAllowed(caller(role), viewing)), [true, true, true, false])
    assert.ok(isAllowed(caller('peer'), 'anybody'))
    assert.ok(isAllowed(caller('viewer', ['metrics']), viewing))
    assert.ok(!isAllowed(caller('admin', ['metrics']), { role: 'viewer', scope: 'contents' }))
  })
})
