import assert from 'node:assert/strict'
import { flowOf } from '@damselfly/shared'
import { createSourceRegistry, type SourceClient } from '../src/index.ts'
import { gather } from '../src/testing/index.ts'

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
    const refusal = { code: 'NO_SOURCE_CLIENT', message: "nothing here can fetch 'c://x/': the schemes that can be are a:, b:" }
    await assert.rejects(registry.read({ url: 'c://x/', headers, signal }), refusal)
    await assert.rejects(registry.probe({ url: 'x', headers, signal }), { code: 'URL_REFUSED' })
  })

  it('lists with the clients that can', async () => {
    const listed = { url: 'b://x/y', size: 1, digest: undefined }
    const list = async function* (): AsyncGenerator<typeof listed> {
      yield listed
    }
    const registry = createSourceRegistry([clientFor('a:'), { ...clientFor('b:'), list }])
    const all = (url: string): Promise<unknown> => gather(registry.list?.({ url, headers, signal }))
    assert.deepEqual(await all('b://x/'), [listed])
    await assert.rejects(all('a://x/'), { code: 'URL_REFUSED', message: "'a://x/' cannot be listed: a: URLs name one content each" })
    await assert.rejects(all('c://x/'), { code: 'NO_SOURCE_CLIENT' })
  })

  it('takes one client for each scheme', () => {
    assert.throws(() => createSourceRegistry([clientFor('a:'), clientFor('a:')]), { code: 'CONFIG_INVALID' })
  })

  it('closes its clients', async () => {
    const closed: string[] = []
    await createSourceRegistry([clientFor('a:', closed), clientFor('b:', closed)]).close()
    assert.deepEqual(closed, ['a:', 'b:'])
  })
})
