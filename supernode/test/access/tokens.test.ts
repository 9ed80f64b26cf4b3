import assert from 'node:assert/strict'
import { readFile, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { silentLogger } from '@damselfly/shared/logging'
import { ApiTokens } from '../../src/access/api-tokens.ts'
import { parseToken } from '../../src/access/token-text.ts'
import { ApiBench } from '../api-bench.ts'

interface TokenBody {
  readonly id: string
  readonly token: string
  readonly lastUsedAt: string | null
  readonly expiresAt: string | null
}

const HOUR_MS = 3_600_000

describe('tokens of the management API', () => {
  let api: ApiBench

  beforeEach(async () => {
    api = await ApiBench.start()
  })
  afterEach(() => api.stop())

  const create = async (body: object, token = api.adminToken): Promise<TokenBody> => {
    const response = await api.request('/api/v1/tokens', { method: 'POST', body, token })
    assert.equal(response.status, 201)
    return (await response.json()) as TokenBody
  }
  const list = async (): Promise<readonly TokenBody[]> => {
    const { tokens } = (await (await api.request('/api/v1/tokens')).json()) as { tokens: TokenBody[] }
    return tokens
  }
  const versionStatus = async (token: string): Promise<number> => (await api.request('/api/v1/version', { token })).status

  it('are told once, kept as hashes in a file of their owner, and count over restarts', async () => {
    const { token, id } = await create({ name: 'graphs', role: 'viewer' })
    assert.equal(await versionStatus(token), 200)
    const file = join(api.dataDir, 'tokens.json')
    assert.equal((await stat(file)).mode & 0o777, 0o600)
    const secret = parseToken(token)?.secret ?? assert.fail()
    assert.ok(!(await readFile(file, 'utf8')).includes(secret))
    assert.ok(!JSON.stringify(await list()).includes(secret))
    await api.tokens.stop()
    const again = new ApiTokens({ dataDir: api.dataDir, clock: api.control.clock, logger: silentLogger() })
    await again.load()
    assert.equal(again.find(token)?.id, id)
    await again.stop()
  })

  it('are refused with one character changed, wherever', async () => {
    const { token } = await create({ name: 'x', role: 'viewer' })
    for (let i = 0; i < token.length; i++) {
      const changed = token.slice(0, i) + (token[i] === 'a' ? 'b' : 'a') + token.slice(i + 1)
      assert.equal(api.tokens.find(changed), undefined, changed)
    }
    assert.ok(api.tokens.find(token))
  })

  it('are refused from the moment on when they are revoked', async () => {
    const { token, id } = await create({ name: 'x', role: 'viewer' })
    assert.equal(await versionStatus(token), 200)
    assert.equal((await api.request(`/api/v1/tokens/${id}`, { method: 'DELETE' })).status, 204)
    assert.equal(await versionStatus(token), 401)
    const again = await api.request(`/api/v1/tokens/${id}`, { method: 'DELETE' })
    assert.equal(((await again.json()) as { code: string }).code, 'TOKEN_NOT_FOUND')
  })

  it('expire', async () => {
    const { clock } = api.control
    const expiresAt = new Date(clock.wallTime() + HOUR_MS).toISOString()
    const { token } = await create({ name: 'soon', role: 'viewer', expiresAt })
    assert.equal(await versionStatus(token), 200)
    clock.advance(HOUR_MS)
    assert.equal(await versionStatus(token), 401)
    assert.deepEqual(await list(), [])
    const late = await api.request('/api/v1/tokens', { method: 'POST', body: { name: 'late', role: 'viewer', expiresAt } })
    assert.equal(late.status, 400)
  })

  it('last 90 days, unless said otherwise', async () => {
    const inDays = (days: number): string => new Date(api.control.clock.wallTime() + days * 24 * HOUR_MS).toISOString()
    assert.equal((await create({ name: 'usual', role: 'viewer' })).expiresAt, inDays(90))
    assert.equal((await create({ name: 'never', role: 'viewer', expiresAt: null })).expiresAt, null)
  })

  it('have their last use recorded, to ten minutes and without a write per request', async () => {
    const { clock } = api.control
    const { token } = await create({ name: 'x', role: 'viewer' })
    assert.equal((await list())[0]?.lastUsedAt, null)
    const first = new Date(clock.wallTime()).toISOString()
    await versionStatus(token)
    clock.advance(9 * 60_000)
    await versionStatus(token)
    assert.equal((await list())[0]?.lastUsedAt, first)
    clock.advance(60_000)
    await versionStatus(token)
    assert.equal((await list())[0]?.lastUsedAt, new Date(clock.wallTime()).toISOString())
  })

  it('do not open more than their maker may open', async () => {
    const confined = await create({ name: 'confined', role: 'admin', scopes: ['access'] })
    for (const body of [{ name: 'all', role: 'admin' }, { name: 'more', role: 'viewer', scopes: ['access', 'contents'] }]) {
      const response = await api.request('/api/v1/tokens', { method: 'POST', body, token: confined.token })
      assert.equal(response.status, 403)
    }
    await create({ name: 'less', role: 'viewer', scopes: ['access'] }, confined.token)
  })

  it('say who they are', async () => {
    const { token, id } = await create({ name: 'graphs', role: 'viewer', scopes: ['metrics'] })
    const body = await (await api.request('/api/v1/whoami', { token })).json()
    assert.deepEqual(body, { kind: 'token', name: `graphs (${id})`, role: 'viewer', scopes: ['metrics'] })
    const admin = await (await api.request('/api/v1/whoami')).json()
    assert.deepEqual(admin, { kind: 'admin-token', name: 'admin-token', role: 'admin', scopes: null })
  })
})
