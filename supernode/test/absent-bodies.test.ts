import assert from 'node:assert/strict'
import { ApiBench } from './api-bench.ts'

/** How clients send no body: `curl -X POST`, libraries that always name a type, `curl -d ''`. */
const KINDS: readonly Record<string, string>[] = [{}, { 'content-type': 'application/json' }, { 'content-type': 'application/x-www-form-urlencoded' }]

const TASK = '/api/v1/tasks/'.concat('0'.repeat(64))

/** What each route answers that needs nothing said. */
const FREE = {
  'POST /api/v1/gc': 200,
  'POST /api/v1/scrub': 202,
  [`POST ${TASK}/refresh`]: 404,
  [`POST ${TASK}/pin`]: 204,
  [`POST ${TASK}/unpin`]: 204,
  [`POST ${TASK}/evict`]: 204,
  'POST /api/v1/preheats/none/cancel': 404,
  'POST /api/v1/admission/none/admit': 400,
  'POST /api/v1/admission/none/revoke': 400,
} as const

/** Those that would not know what to do. */
const BOUND = ['POST /api/v1/preheats', 'POST /api/v1/tokens', 'POST /api/v1/blocklist/rules', 'POST /api/v1/priorities/rules', 'POST /api/v1/rates/rules', 'PATCH /api/v1/rates/cdn']

describe('a request of the management API without a body', () => {
  let api: ApiBench
  before(async () => {
    api = await ApiBench.start()
  })
  after(() => api.stop())

  const ask = async (route: string, headers: Record<string, string>, body: string | null = null): Promise<{ readonly status: number; readonly text: string }> => {
    const [method = '', path = ''] = route.split(' ')
    const response = await fetch(`${api.base}${path}`, { method, headers: { ...headers, authorization: `Bearer ${api.adminToken}` }, body })
    return { status: response.status, text: await response.text() }
  }

  for (const [route, status] of Object.entries(FREE)) {
    it(`is enough for ${route.replaceAll(/\w{50,}/g, ':id')}`, async () => {
      for (const headers of KINDS) {
        const answer = await ask(route, headers)
        assert.equal(answer.status, status, `${JSON.stringify(headers)}: ${answer.text}`)
        if (status === 400) assert.match(answer.text, /'none' is no PeerId/)
      }
    })
  }

  for (const route of BOUND) {
    it(`is refused by ${route}, which says what is missing`, async () => {
      for (const headers of KINDS) {
        const { status, text } = await ask(route, headers)
        assert.equal(status, 400)
        assert.match((JSON.parse(text) as { message: string }).message, /^request: Invalid input: expected object/)
      }
    })
  }

  it('differs from one with a body of another type, and from one that is not understood', async () => {
    const wrong: readonly (readonly [string, string])[] = [
      ['application/x-www-form-urlencoded', 'dryRun=true'],
      ['text/plain', '{}'],
      ['application/json', '{'],
      ['application/json', '{"bytes":-1}'],
    ]
    for (const [type, body] of wrong) assert.equal((await ask('POST /api/v1/gc', { 'content-type': type }, body)).status, 400, body)
  })
})
