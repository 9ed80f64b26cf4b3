import assert from 'node:assert/strict'
import { appendFile, readFile, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { silentLogger } from '@damselfly/shared/logging'
import { AuditLog, type AuditEntry } from '../../src/access/audit-log.ts'
import { ApiBench } from '../api-bench.ts'

describe('the audit log', () => {
  let api: ApiBench

  beforeEach(async () => {
    api = await ApiBench.start()
  })
  afterEach(() => api.stop())

  const list = async (query = ''): Promise<{ entries: readonly AuditEntry[]; next: number | null }> =>
    (await (await api.request(`/api/v1/audit${query}`)).json()) as { entries: AuditEntry[]; next: number | null }
  const change = async (method: string, path: string, body?: unknown, token?: string): Promise<void> => {
    await (await api.request(path, { method, body, ...(token === undefined ? {} : { token }) })).arrayBuffer()
  }

  it('tells who changed what, from where, with which result; and who was refused', async () => {
    const viewer = await api.token({ role: 'viewer', name: 'curious' })
    await change('POST', '/api/v1/tokens', { name: 'graphs', role: 'viewer' })
    await change('DELETE', '/api/v1/tokens/none')
    await change('POST', '/api/v1/gc', {}, viewer)
    await change('GET', '/api/v1/tokens')
    await change('POST', '/api/v1/gc', {}, 'a-stranger')
    const { entries } = await list()
    const told = entries.map(({ number, who, role, address, action, target, status, code }) => [number, who.split(' ')[0], role, address, action, target, status, code])
    assert.deepEqual(told, [
      [3, 'curious', 'viewer', '127.0.0.1', 'POST /api/v1/gc', '', 403, 'FORBIDDEN'],
      [2, 'admin-token', 'admin', '127.0.0.1', 'DELETE /api/v1/tokens/:id', 'none', 404, 'TOKEN_NOT_FOUND'],
      [1, 'admin-token', 'admin', '127.0.0.1', 'POST /api/v1/tokens', '', 201, null],
    ])
    assert.deepEqual(entries.at(-1)?.given, { name: 'graphs', role: 'viewer' })
  })

  it('has an entry for each route that changes something, whoever tried it', async function () {
    this.timeout(60_000)
    const { paths } = (await (await api.request('/openapi.json')).json()) as { paths: Record<string, Record<string, unknown>> }
    const routes = Object.entries(paths).flatMap(([path, methods]) => Object.keys(methods).map((method) => ({ method: method.toUpperCase(), path })))
    const changes = routes.filter(({ method }) => method !== 'GET')
    const callers = [
      { token: await api.token({ role: 'admin', name: 'chief' }), who: /^chief \(\w{12}\)$/, role: 'admin', log: api.audit },
      { token: await api.token({ role: 'viewer', name: 'curious' }), who: /^curious \(\w{12}\)$/, role: 'viewer', log: api.audit },
      { token: `dfly_${'0'.repeat(12)}_${'x'.repeat(43)}`, who: /^unknown, with the id of token 000000000000$/, role: 'none', log: api.refusals.log },
      { token: '', who: /^unknown$/, role: 'none', log: api.refusals.log },
    ]
    for (const { method, path } of changes) {
      for (const { token, who, role, log } of callers) {
        const before = log.list(1)[0]?.number ?? 0
        const response = await api.request(path.replaceAll(/\{\w+\}/g, 'x'), { method, token, body: {} })
        await response.arrayBuffer()
        const [entry] = log.list(1)
        const { number, action, address, status, code } = entry ?? assert.fail(`nothing is recorded of ${method} ${path}`)
        assert.deepEqual([number, action, address, status], [before + 1, `${method} ${path.replaceAll(/\{(\w+)\}/g, ':$1')}`, '127.0.0.1', response.status])
        assert.match(entry?.who ?? '', who)
        assert.equal(entry?.role, role)
        assert.equal(code !== null, status >= 400)
      }
      api.control.clock.advance(15 * 60_000)
    }
    process.stdout.write(`      ${changes.length} routes that change something, ${changes.length * callers.length} of them times callers\n`)
    assert.ok(changes.length >= 15)
  })

  it('can be searched', async () => {
    const { clock } = api.control
    const curious = await api.token({ role: 'viewer', name: 'curious' })
    await change('POST', '/api/v1/tokens', { name: 'a', role: 'viewer' })
    clock.advance(3_600_000)
    const later = new Date(clock.wallTime()).toISOString()
    await change('DELETE', '/api/v1/tokens/none')
    await change('POST', '/api/v1/gc', {}, curious)
    const found = async (query: string): Promise<number[]> => (await list(query)).entries.map(({ number }) => number)
    assert.deepEqual(await found('?who=curious'), [3])
    assert.deepEqual(await found('?action=/TOKENS'), [2, 1])
    assert.deepEqual(await found('?failed=true'), [3, 2])
    assert.deepEqual(await found('?target=none'), [2])
    assert.deepEqual(await found(`?since=${later}`), [3, 2])
    assert.deepEqual(await found(`?until=${later}`), [1])
    assert.deepEqual(await found('?address=192.0.2.1'), [])
    const first = await list('?failed=true&limit=1')
    assert.deepEqual([first.next, (await list(`?failed=true&limit=1&before=${first.next}`)).next], [3, null])
    assert.equal((await api.request('/api/v1/audit?since=yesterday')).status, 400)
  })

  it('is not pushed out by strangers, of whom so many are recorded as there is room for', async () => {
    for (let i = 0; i < 100; i++) await change('POST', '/api/v1/gc', {}, '')
    assert.deepEqual((await list()).entries, [])
    api.control.clock.advance(60_000)
    await change('POST', '/api/v1/gc', {}, '')
    const { entries } = (await (await api.request('/api/v1/audit/refusals?limit=1000')).json()) as { entries: AuditEntry[] }
    assert.equal(entries.length, 61)
    assert.deepEqual(entries[0]?.given, { leftOut: 40 })
  })

  it('holds no secrets, and is for its owner alone', async () => {
    const body = { urls: ['https://user:hunter2@a.example/x?signature=hunter2'], headers: [['authorization', 'Bearer hunter2']], key: 'hunter2' }
    await change('POST', '/api/v1/preheats', body)
    await change('POST', '/api/v1/tasks/x/refresh', { headers: [['cookie', 'hunter2']] })
    const file = join(api.dataDir, 'audit.jsonl')
    const text = await readFile(file, 'utf8')
    assert.equal(text.trimEnd().split('\n').length, 2)
    assert.ok(!text.includes('hunter2') && !text.includes(api.adminToken))
    assert.equal((await stat(file)).mode & 0o777, 0o600)
  })

  it('comes page by page and outlives a restart, a half line too', async () => {
    for (let i = 0; i < 5; i++) await change('DELETE', `/api/v1/tokens/${i}`)
    const first = await list('?limit=3')
    const second = await list(`?limit=3&before=${first.next}`)
    assert.deepEqual([...first.entries, ...second.entries].map(({ target }) => target), ['4', '3', '2', '1', '0'])
    assert.equal(second.next, null)
    await appendFile(join(api.dataDir, 'audit.jsonl'), '{"number":6,"at"')
    const again = new AuditLog({ dataDir: api.dataDir, clock: api.control.clock, logger: silentLogger() })
    await again.load()
    assert.equal(again.list(10).length, 5)
    const [last] = again.list(1)
    await again.record({ ...(last ?? assert.fail()), target: 'after' })
    const third = new AuditLog({ dataDir: api.dataDir, clock: api.control.clock, logger: silentLogger() })
    await third.load()
    assert.deepEqual(third.list(2).map(({ target }) => target), ['after', '4'])
  })

  it('stays within two files of bounded size', async () => {
    const log = new AuditLog({ dataDir: api.dataDir, clock: api.control.clock, logger: silentLogger() })
    await log.load()
    const entry = { who: 'x', role: 'admin', address: '::1', action: 'POST /x', target: '', given: { reason: 'r'.repeat(60_000) }, status: 200, code: null }
    for (let i = 0; i < 160; i++) await log.record(entry)
    const sizes = await Promise.all(['audit.jsonl', 'audit.old.jsonl'].map(async (name) => (await stat(join(api.dataDir, name))).size))
    assert.ok(sizes.every((size) => size < 4.1 * 1024 * 1024), String(sizes))
  })
})
