import assert from 'node:assert/strict'
import { ApiBench } from '../api-bench.ts'

const PAGE = 'https://console.example'

/** As browsers ask before they send a token. */
const preflight = (origin: string): Readonly<Record<string, string>> => ({
  origin,
  'access-control-request-method': 'POST',
  'access-control-request-headers': 'authorization',
})

function corsHeaders(response: Response): string[] {
  return [...response.headers.keys()].filter((name) => name.startsWith('access-control-'))
}

describe('pages of other origins', () => {
  let api: ApiBench
  afterEach(() => api.stop())

  it('are told nothing unless they are configured', async () => {
    api = await ApiBench.start()
    const asked = await api.request('/api/v1/gc', { method: 'OPTIONS', token: '', headers: preflight(PAGE) })
    assert.equal(asked.status, 401)
    const known = await api.request('/api/v1/gc', { method: 'OPTIONS', headers: preflight(PAGE) })
    assert.equal(known.status, 404)
    const read = await api.request('/api/v1/version', { headers: { origin: PAGE } })
    const health = await api.request('/healthz', { token: '', headers: { origin: PAGE } })
    assert.deepEqual([asked, known, read, health].flatMap(corsHeaders), [])
  })

  it('may call the API if they are, with a token of their own; nobody else may', async () => {
    api = await ApiBench.start({ allowedOrigins: [PAGE] })
    const asked = await api.request('/api/v1/gc', { method: 'OPTIONS', token: '', headers: preflight(PAGE) })
    assert.equal(asked.status, 204)
    assert.equal(asked.headers.get('access-control-allow-origin'), PAGE)
    assert.match(asked.headers.get('access-control-allow-headers') ?? '', /authorization/)
    assert.match(asked.headers.get('access-control-allow-methods') ?? '', /PATCH/)
    // Cookies and client certificates are not for pages.
    assert.equal(asked.headers.get('access-control-allow-credentials'), null)
    const read = await api.request('/api/v1/version', { headers: { origin: PAGE } })
    assert.deepEqual([read.status, read.headers.get('access-control-allow-origin'), read.headers.get('vary')], [200, PAGE, 'origin'])
    const refused = await api.request('/api/v1/version', { token: '', headers: { origin: PAGE } })
    assert.deepEqual([refused.status, refused.headers.get('access-control-allow-origin')], [401, PAGE])
    for (const origin of ['https://console.example.evil.example', 'http://console.example', 'null', 'https://CONSOLE.example', '*']) {
      const other = await api.request('/api/v1/gc', { method: 'OPTIONS', token: '', headers: preflight(origin) })
      assert.deepEqual([other.status, corsHeaders(other), other.headers.get('vary')], [401, [], 'origin'], origin)
    }
  })
})

describe('answers of the management API', () => {
  let api: ApiBench
  before(async () => {
    api = await ApiBench.start({ openMetrics: true })
  })
  after(() => api.stop())

  it('tell browsers to keep, guess, frame and run nothing of them, errors too', async () => {
    for (const [path, token] of [['/healthz', ''], ['/api/v1/version', undefined], ['/api/v1/version', ''], ['/api/v1/nothing', undefined], ['/api/v1/%zz', undefined]] as const) {
      const { headers } = await api.request(path, token === undefined ? {} : { token })
      assert.equal(headers.get('cache-control'), 'no-store', path)
      assert.equal(headers.get('x-content-type-options'), 'nosniff', path)
      assert.match(headers.get('content-security-policy') ?? '', /default-src 'none'/, path)
      assert.equal(headers.get('x-powered-by'), null)
    }
  })

  it('give metrics to everybody where that is configured, and nothing else', async () => {
    assert.equal((await api.request('/metrics', { token: '' })).status, 200)
    assert.equal((await api.request('/openapi.json', { token: '' })).status, 401)
  })
})
