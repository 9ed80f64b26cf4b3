import assert from 'node:assert/strict'
import { flowOf } from '@damselfly/shared'
import { createSourceRegistry, type SourceClient } from '../src/index.ts'

function clientFor(scheme: string, closed: string[] = []): SourceClient {
  const validators = { etag: scheme, lastModified: '' }
  const info = { contentLength: 0, acceptsRanges: true, validators }
  return {
    schemes: [scheme],
    probe: () => Promise.resolve(info),
    read: () => Promise.resolve({ ...info, start: 0, bodyLength: 0, body: flowOf((async function* () {})()) }),
    close: () => Promise.resolve(void closed.push(scheme)),
  }
}

describe('the source registry', () => {
  const signal = new AbortController().signal
  const headers = new Map<string, string>()

  it('chooses the client by the scheme of the URL', async () => {
    const registry = createSourceRegistry([clientFor('a:'), clientFor('b:')])
    assert.equal((await registry.probe({ url: 'B://x/', headers, signal })).validators.etag, 'b:')
    assert.equal((await registry.read({ url: 'a://x/', headers, signal })).validators.etag, 'a:')
  })

  it('names what is supported when it refuses a scheme', async () => {
    const registry = createSourceRegistry([clientFor('a:'), clientFor('b:')])
    const refusal = { code: 'URL_REFUSED', message: "'c://x/' has the scheme c:; supported are a:, b:" }
    await assert.rejects(registry.read({ url: 'c://x/', headers, signal }), refusal)
    await assert.rejects(registry.probe({ url: 'x', headers, signal }), { code: 'URL_REFUSED' })
  })

  it('takes one client for each scheme', () => {
    assert.throws(() => createSourceRegistry([clientFor('a:'), clientFor('a:')]), RangeError)
  })

  it('closes its clients', async () => {
    const closed: string[] = []
    await createSourceRegistry([clientFor('a:', closed), clientFor('b:', closed)]).close()
    assert.deepEqual(closed, ['a:', 'b:'])
  })
})
