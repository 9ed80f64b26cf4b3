import assert from 'node:assert/strict'
import { stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { isDamselflyError, taskIdFromBytes } from '@damselfly/shared'
import { loadAdminToken } from '../src/access/admin-token.ts'
import { ApiBench } from './api-bench.ts'
import { largeContent, type ControlBench } from './control-bench.ts'
import { digestOf } from './fake-cdn.ts'

describe('the management API', () => {
  let api: ApiBench
  let bench: ControlBench

  beforeEach(async () => {
    api = await ApiBench.start()
    bench = api.control
  })

  afterEach(() => api.stop())

  const request = (path: string, token?: string): Promise<Response> => api.request(path, token === undefined ? {} : { token })

  const json = async <T>(path: string): Promise<T> => {
    const response = await request(path)
    assert.equal(response.status, 200, path)
    return (await response.json()) as T
  }

  it('keeps its token to its owner, and keeps it over restarts', async () => {
    const path = join(api.dataDir, 'admin-token')
    assert.equal((await stat(path)).mode & 0o777, 0o600)
    assert.equal((await loadAdminToken(api.dataDir)).matches(api.adminToken), true)
    assert.equal((await loadAdminToken(api.dataDir)).matches(`${api.adminToken}x`), false)
  })

  it('does not start with an empty token', async () => {
    await writeFile(join(api.dataDir, 'admin-token'), '\n')
    await assert.rejects(loadAdminToken(api.dataDir), (error) => isDamselflyError(error, 'CONFIG_INVALID'))
  })

  it('tells strangers nothing about which routes there are', async () => {
    const response = await request('/api/v1/nothing', '')
    assert.equal(response.status, 401)
    assert.equal(response.headers.get('www-authenticate'), 'Bearer')
    const body = (await response.json()) as { code: string; advice: string }
    assert.equal(body.code, 'UNAUTHORIZED')
    assert.match(body.advice, /Bearer/)
    assert.equal((await request('/api/v1/nothing')).status, 404)
  })

  it('says whether it lives and is ready', async () => {
    assert.equal((await request('/readyz', '')).status, 200)
    api.isReady = false
    const stopping = await request('/readyz', '')
    assert.equal(stopping.status, 503)
    assert.deepEqual(await stopping.json(), { status: 'stopping' })
    assert.equal((await request('/healthz', '')).status, 200)
  })

  it('tells its version', async () => {
    const body = await json<{ version: string; peerId: string }>('/api/v1/version')
    assert.equal(body.version, '1.2.3')
    assert.equal(body.peerId, bench.identity.peerId)
  })

  it('lists tasks page by page, with filters and without secrets', async () => {
    const peer = bench.peer()
    for (let number = 0; number < 5; number++) {
      const url = `https://a.example/${number}?signature=secret`
      bench.cdn.contents.set(url, largeContent(2))
      await peer.register({ url: url.replace('//', '//user:hidden@'), tag: number < 2 ? 'few' : '' })
    }
    const first = await json<{ tasks: { taskId: string }[]; next: string }>('/api/v1/tasks?limit=3')
    const second = await json<{ tasks: { taskId: string }[]; next: null }>(`/api/v1/tasks?limit=3&after=${first.next}`)
    const ids = [...first.tasks, ...second.tasks].map(({ taskId }) => taskId)
    assert.equal(new Set(ids).size, 5)
    assert.equal(second.next, null)
    const text = await (await request('/api/v1/tasks')).text()
    assert.doesNotMatch(text, /secret|hidden/)
    assert.equal((await json<{ tasks: unknown[] }>('/api/v1/tasks?tag=few')).tasks.length, 2)
    assert.equal((await json<{ tasks: unknown[] }>('/api/v1/tasks?source=complete')).tasks.length, 0)
    assert.equal((await request('/api/v1/tasks?limit=0')).status, 400)
    assert.equal((await request('/api/v1/tasks?source=nonsense')).status, 400)
  })

  it('shows one task and its swarm', async () => {
    const peer = bench.peer()
    bench.cdn.contents.set('https://a.example/x', largeContent(2))
    const taskId = taskIdFromBytes((await peer.register({ url: 'https://a.example/x' })).taskId)
    bench.cdn.tasks.get(taskId)?.finish()
    const body = await json<Record<string, unknown>>(`/api/v1/tasks/${taskId}`)
    assert.equal(body['source'], 'complete')
    assert.equal(body['cdnPieces'], 2)
    assert.equal(body['isSigned'], true)
    assert.deepEqual(body['members'], [{ peer: peer.id, isChild: true, pieces: 0 }])
    const missing = await request(`/api/v1/tasks/${'0'.repeat(64)}`)
    assert.equal(missing.status, 404)
    assert.equal(((await missing.json()) as { code: string }).code, 'TASK_NOT_FOUND')
  })

  it('shows peers', async () => {
    const peer = bench.peer()
    const { peers } = await json<{ peers: { peer: string; hostName: string }[] }>('/api/v1/peers')
    assert.deepEqual(peers.map((one) => [one.peer, one.hostName]), [[peer.id, 'host']])
    assert.equal((await json<{ agent: string }>(`/api/v1/peers/${peer.id}`)).agent, 'test/1')
    assert.equal((await request('/api/v1/peers/nobody')).status, 404)
  })

  it('shows who is blocked as parent, and until when', async () => {
    const child = bench.peer()
    bench.cdn.contents.set('https://a.example/x', largeContent(2))
    const holder = bench.peer()
    const taskId = taskIdFromBytes((await holder.register({ url: 'https://a.example/x' })).taskId)
    bench.cdn.tasks.get(taskId)?.finish()
    holder.stored(taskId, 0, digestOf(largeContent(2), 0))
    await child.register({ url: 'https://a.example/x' })
    child.want(taskId, 1)
    const { parent, index } = await child.whenHeard('assign')
    const value = { taskId: Buffer.from(taskId, 'hex'), index, parent, reason: 'PIECE_CORRUPT', message: '' }
    child.say({ case: 'pieceFailed', value })
    const { entries } = await json<{ entries: { parent: string; reason: string; until: string }[] }>('/api/v1/blocklist')
    assert.equal(entries[0]?.parent, parent)
    assert.equal(entries[0]?.reason, 'corrupt')
    assert.ok(Date.parse(entries[0]?.until ?? '') > bench.clock.wallTime())
  })

  it('says which piece came from whom and why, page by page', async () => {
    interface Decisions {
      readonly answer: string | null
      readonly waiting: string | null
      readonly decisions: readonly { readonly number: number; readonly type: string; readonly piece?: number; readonly basis?: string; readonly words: string }[]
      readonly next: number | null
    }
    const child = bench.peer()
    bench.cdn.contents.set('https://a.example/x', largeContent(3))
    const taskId = taskIdFromBytes((await child.register({ url: 'https://a.example/x' })).taskId)
    child.want(taskId, 2)
    bench.clock.advance(3000)
    const path = `/api/v1/tasks/${taskId}/decisions`
    const { waiting } = await json<Decisions>(`${path}?peer=${child.id}`)
    assert.match(waiting ?? '', /has had room for a further piece for 3\.00 s, with 0 under way\. Of the 3 that it needs beside, 3 are not yet brought/)
    bench.cdn.tasks.get(taskId)?.finish()
    const { parent, index } = await child.whenHeard('assign')
    child.done(taskId, index, parent)

    const first = await json<Decisions>(`${path}?limit=2`)
    const second = await json<Decisions>(`${path}?limit=2&after=${first.next}`)
    assert.deepEqual([...first.decisions, ...second.decisions].map(({ type }) => type), ['joined', 'assigned', 'assigned'])
    assert.equal(second.next, null)

    const asked = await json<Decisions>(`${path}?peer=${child.id.slice(-10)}&piece=${index}`)
    assert.match(asked.answer ?? '', new RegExp(`was assigned piece ${index} 3\\.00 s after it began to download`))
    const [, decision] = asked.decisions
    assert.deepEqual([decision?.piece, decision?.basis], [index, 'only-cdn'])
    assert.match(decision?.words ?? '', /had room for it for 3\.00 s, until the CDN had brought more of the content\. No peer had it/)

    const statusOf = async (query: string): Promise<number> => (await request(`${path}?${query}`)).status
    assert.deepEqual(await Promise.all(['piece=-1', 'limit=0', 'peer=nobody'].map(statusOf)), [400, 400, 404])
    assert.equal((await request(`/api/v1/tasks/${'0'.repeat(64)}/decisions`)).status, 404)
  })

  it('shows metrics to Prometheus', async () => {
    bench.peer()
    const response = await request('/metrics')
    assert.match(response.headers.get('content-type') ?? '', /^text\/plain/)
    const text = await response.text()
    assert.match(text, /^damselfly_supernode_peers 1$/m)
    assert.match(text, /^damselfly_scheduler_seconds_count\{event="peer-joined"\} 2$/m)
    assert.match(text, /^damselfly_origin_bytes_total 0$/m)
  })

  it('keeps rules about priorities, and refuses those about everything', async () => {
    const send = (method: string, where: string, body?: unknown): Promise<Response> => api.request(where, { method, body })
    const path = '/api/v1/priorities/rules'
    assert.deepEqual(await json(path), { rules: [] })
    for (const body of [{ priority: 'background' }, { tag: 'nightly' }, { priority: 'urgent', tag: 'nightly' }]) assert.equal((await send('POST', path, body)).status, 400)
    assert.equal((await send('DELETE', `${path}/none`)).status, 404)
  })

  it('shows and changes what the CDN sends', async () => {
    const change = (body: unknown): Promise<Response> => api.request('/api/v1/rates/cdn', { method: 'PATCH', body })
    assert.deepEqual(await (await change({ upload: 5_000_000 })).json(), { upload: 5_000_000 })
    assert.equal(api.cdnUploads.limits.host, 5_000_000)
    assert.deepEqual(await json('/api/v1/rates'), { cdn: { upload: 5_000_000 }, rules: [], peers: [] })
    assert.equal((await change({ upload: -1 })).status, 400)
    assert.equal((await change({})).status, 400)
  })

  it('names the address that is taken', async () => {
    const port = Number(new URL(api.base).port)
    const second = api.another(port)
    await assert.rejects(second.start(), (error) => isDamselflyError(error, 'ADDRESS_IN_USE') && error.message.includes(`${port}`))
    await second.stop()
  })
})
