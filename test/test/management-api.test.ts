import assert from 'node:assert/strict'
import { stat } from 'node:fs/promises'
import { join } from 'node:path'
import { Lab, type Supernode } from '@damselfly/test'

interface OpenApi {
  readonly paths: Readonly<Record<string, Readonly<Record<string, { readonly security?: readonly unknown[] }>>>>
}

describe("the supernode's management API", function () {
  this.timeout(120_000)
  let lab: Lab
  let supernode: Supernode

  before(async () => {
    lab = await Lab.create()
    supernode = await lab.supernode()
  })

  after(() => lab.stop())

  it('keeps its token in a file that only its owner reads', async () => {
    const { mode } = await stat(join(supernode.dataDir, 'admin-token'))
    assert.equal(mode & 0o777, 0o600)
    assert.ok((await supernode.adminToken()).length >= 32)
  })

  it('answers each of its routes to the token alone, except for health', async () => {
    const { paths } = await supernode.get<OpenApi>('/openapi.json')
    const routes = Object.entries(paths).flatMap(([path, methods]) => Object.keys(methods).map((method) => [method, path]))
    const open: string[] = []
    for (const [method = '', path = ''] of routes) {
      const url = supernode.url + path.replace(/\{\w+\}/g, 'x')
      const init = { method: method.toUpperCase() }
      const statuses = await Promise.all([
        statusOf(url, init),
        statusOf(url, { ...init, headers: { authorization: 'Bearer wrong' } }),
        statusOf(`${url}?token=${await supernode.adminToken()}`, init),
      ])
      if (statuses.every((status) => status === 200)) open.push(path)
      else {
        assert.deepEqual([statuses[0], statuses[2]], [401, 401], path)
        // The same wrong token again and again has to wait.
        assert.ok(statuses[1] === 401 || statuses[1] === 429, path)
      }
    }
    assert.deepEqual(open.toSorted(), ['/healthz', '/readyz'])
    assert.ok(routes.length >= 9)
  })

  it('gives dfget of the same user what it needs to make tokens for others', async () => {
    const url = ['--management', supernode.url]
    const created = await lab.dfget(['token', 'create', 'graphs', '--role', 'viewer', '--token-file', join(supernode.dataDir, 'admin-token'), ...url]).exited
    assert.equal(created.code, 0, created.stderr)
    const env = { DAMSELFLY_TOKEN: created.stdout.trim() }
    const shown = await lab.dfget(['token', 'whoami', ...url], { env }).exited
    assert.match(shown.stdout, /^graphs \(\w+\): viewer$/)
    const refused = await lab.dfget(['token', 'list', ...url], { env }).exited
    assert.equal(refused.code, 2)
    assert.match(refused.stderr, /wants the role admin.*\[FORBIDDEN\]/)
  })

  it('does not tell strangers which routes there are', async () => {
    assert.equal(await statusOf(`${supernode.url}/no/such/route`, {}), 401)
    assert.equal(await statusOf(`${supernode.url}/api/v1/tasks`, { method: 'DELETE' }), 401)
    assert.equal(await statusOf(`${supernode.url}/openapi.json`, {}), 401)
  })
})

async function statusOf(url: string, init: RequestInit): Promise<number> {
  const response = await fetch(url, init)
  await response.arrayBuffer()
  return response.status
}
