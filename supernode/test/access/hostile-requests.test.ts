import assert from 'node:assert/strict'
import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import { text } from 'node:stream/consumers'
import { ApiBench } from '../api-bench.ts'

const TOKENS = '/api/v1/tokens'

/** Ways to write the path of a route that proxies and servers do not always understand alike. */
const WAYS: readonly ((path: string) => string)[] = [
  (path) => `/${path}`,
  (path) => path.replace('/v1', '//v1'),
  (path) => `${path}/`,
  (path) => `${path}//`,
  (path) => `/healthz/..${path}`,
  (path) => `/healthz/%2e%2e${path}`,
  (path) => `/healthz/%2E%2E%2F${path.slice(1)}`,
  (path) => path.replace('/v1', '/./v1'),
  (path) => path.replaceAll('/', '%2F'),
  (path) => path.replace('/api/', '/api%2f'),
  (path) => path.replaceAll('/', '\\'),
  (path) => path.toUpperCase(),
  (path) => path.replace('a', '%61'),
  (path) => path.replace('a', '%2561'),
  (path) => `${path};healthz`,
  (path) => `${path}%00`,
  (path) => `${path}%`,
  (path) => `${path}?_method=GET`,
  (path) => `${path}#/healthz`,
  (path) => `http://127.0.0.1${path}`,
  (path) => `https://elsewhere.example${path}`,
  (path) => `/healthz?${path}`.replace('/healthz?', '/healthz/'),
  () => '*',
]

describe('requests that mean no good', () => {
  let api: ApiBench
  before(async () => {
    api = await ApiBench.start({ limits: { headersMs: 500, requestMs: 1000 } })
  })
  after(() => api.stop())

  const open = async (): Promise<Socket> => {
    const { hostname, port } = new URL(api.base)
    const socket = connect({ host: hostname, port: Number(port) }).on('error', () => undefined)
    await once(socket, 'connect')
    return socket
  }
  const answerTo = async (lines: string): Promise<{ readonly status: number; readonly body: string }> => {
    const socket = await open()
    socket.write(lines)
    const answer = await text(socket)
    return { status: Number(/^HTTP\/1\.1 (\d{3})/.exec(answer)?.[1] ?? 0), body: answer }
  }
  const ask = async (method: string, target: string, headers: Readonly<Record<string, string>> = {}): Promise<number> => {
    const all = Object.entries({ host: 'a', connection: 'close', 'content-length': '0', ...headers }).map(([name, value]) => `${name}: ${value}\r\n`)
    return (await answerTo(`${method} ${target} HTTP/1.1\r\n${all.join('')}\r\n`)).status
  }

  for (const method of ['GET', 'HEAD', 'POST', 'DELETE', 'OPTIONS']) {
    it(`get nothing without a token by ${method}, however they write the path`, async () => {
      for (const way of WAYS) {
        const status = await ask(method, way(TOKENS))
        assert.ok([400, 401, 404, 429].includes(status), `${status} for ${way(TOKENS)}`)
      }
    })
  }

  it('open no other route than what they write names, to a viewer', async () => {
    const authorization = `Bearer ${await api.token({ role: 'viewer' })}`
    for (const method of ['GET', 'HEAD', 'POST', 'DELETE'])
      for (const way of WAYS) {
        const status = await ask(method, way(TOKENS), { authorization })
        assert.ok([400, 403, 404].includes(status), `${status} for ${method} ${way(TOKENS)}`)
      }
  })

  it('are taken by their own method alone', async () => {
    const authorization = `Bearer ${await api.token({ role: 'viewer' })}`
    const { token } = await api.tokens.create({ name: 'kept', role: 'viewer', scopes: null, expiresAt: null, usesLeft: null, createdBy: 'test' })
    for (const name of ['x-http-method-override', 'x-http-method', 'x-method-override']) {
      assert.equal(await ask('GET', '/api/v1/version', { authorization, [name]: 'DELETE' }), 200)
      assert.equal(await ask('GET', `${TOKENS}/${token.id}`, { authorization: `Bearer ${api.adminToken}`, [name]: 'DELETE' }), 404)
    }
    assert.ok(api.tokens.list().some(({ id }) => id === token.id))
  })

  it('change nothing, and are not recorded as a change, when they end before all of them has come', async () => {
    const [before, entries] = [api.tokens.list().length, api.audit.list(1)[0]?.number]
    const socket = await open()
    socket.write(`POST ${TOKENS} HTTP/1.1\r\nhost: a\r\nauthorization: Bearer ${api.adminToken}\r\ncontent-type: application/json\r\ncontent-length: 60\r\n\r\n{"name":"half","role":`)
    // So that the server has read it.
    await (await api.request('/api/v1/version')).arrayBuffer()
    socket.destroy()
    await once(socket, 'close')
    await (await api.request('/api/v1/version')).arrayBuffer()
    assert.equal(api.tokens.list().length, before)
    assert.equal(api.audit.list(10).find(({ number, status }) => number > (entries ?? 0) && status < 400), undefined)
  })

  it('change the whole, and are recorded, when their caller does not wait for the answer', async () => {
    const socket = await open()
    const body = JSON.stringify({ name: 'whole', role: 'viewer' })
    socket.write(`POST ${TOKENS} HTTP/1.1\r\nhost: a\r\nauthorization: Bearer ${api.adminToken}\r\ncontent-type: application/json\r\ncontent-length: ${body.length}\r\n\r\n${body}`, () => socket.destroy())
    const isRecorded = (): boolean => api.audit.list(10).some(({ given, status }) => given['name'] === 'whole' && status === 201)
    const isMade = (): boolean => api.tokens.list().some(({ name }) => name === 'whole')
    for (let tries = 0; tries < 200 && !(isMade() && isRecorded()); tries++) await (await api.request('/healthz')).arrayBuffer()
    assert.equal(isMade(), isRecorded())
  })

  it('are refused when their headers are too large, or their body is', async () => {
    assert.equal(await ask('GET', '/api/v1/version', { 'x-long': 'x'.repeat(20_000) }), 431)
    assert.equal((await answerTo(`GET /${'a'.repeat(20_000)} HTTP/1.1\r\nhost: a\r\n\r\n`)).status, 431)
    const authorization = `Bearer ${api.adminToken}`
    assert.equal(await ask('POST', TOKENS, { authorization, 'content-type': 'application/json', 'content-length': '70000' }), 400)
  })

  it('are refused when it is not clear where they end', async () => {
    const end = 'connection: close\r\n\r\n0\r\n\r\n'
    assert.equal((await answerTo(`POST ${TOKENS} HTTP/1.1\r\nhost: a\r\ncontent-length: 5\r\ntransfer-encoding: chunked\r\n${end}`)).status, 400)
    assert.equal((await answerTo(`POST ${TOKENS} HTTP/1.1\r\nhost: a\r\ncontent-length: 5\r\ncontent-length: 6\r\n${end}`)).status, 400)
    assert.equal((await answerTo(`GET /healthz HTTP/1.1\r\nhost: a\r\nx: a\nb: c\r\n x\x00y\r\n${end}`)).status, 400)
  })

  it('are ended when their headers or body come too slowly', async () => {
    const headers = await answerTo('GET /healthz HTTP/1.1\r\nhost: a\r\n')
    assert.equal(headers.status, 408)
    const body = await answerTo(`POST ${TOKENS} HTTP/1.1\r\nhost: a\r\nauthorization: Bearer ${api.adminToken}\r\ncontent-type: application/json\r\ncontent-length: 60\r\n\r\n{`)
    assert.equal(body.status, 408)
    assert.equal(api.tokens.list().filter(({ name }) => name === 'half').length, 0)
  })

  it('keep no health check waiting at the same address, however many of them wait', async () => {
    const calm = await ApiBench.start()
    const guess = async (): Promise<number> => (await calm.request('/api/v1/version', { token: 'wrong' })).status
    try {
      // Time stands still there: after as many as are answered at once the others wait.
      for (let n = 0; n <= 2000; n++) await guess()
      const waiting = Promise.allSettled([guess(), guess()])
      for (const path of ['/healthz', '/readyz']) assert.equal((await calm.request(path, { token: '' })).status, 200)
      calm.control.clock.advance(10_000)
      await waiting
    } finally {
      await calm.stop()
    }
  })
})
