import assert from 'node:assert/strict'
import { once } from 'node:events'
import { request, type IncomingMessage } from 'node:http'
import { buffer } from 'node:stream/consumers'
import { createImage, pushImage, RegistryPush, RegistryServer, whyNoRegistryServer } from '@damselfly/cdn/testing/registry'
import { formatDigest, sha256 } from '@damselfly/shared'
import { describe as described, Lab } from '@damselfly/test'

/** Codes that the distribution specification (1.1) knows for errors. */
const CODES = new Set([
  'BLOB_UNKNOWN',
  'DIGEST_INVALID',
  'MANIFEST_BLOB_UNKNOWN',
  'MANIFEST_INVALID',
  'MANIFEST_UNKNOWN',
  'NAME_INVALID',
  'NAME_UNKNOWN',
  'SIZE_INVALID',
  'UNAUTHORIZED',
  'DENIED',
  'UNSUPPORTED',
  'TOOMANYREQUESTS',
])

type Answer = IncomingMessage & { readonly bytes: Buffer }

/** What the specification asks of registries that content is pulled from, asked of the mirror. */
describe('the pull category of the distribution specification, through a daemon', function () {
  this.timeout(120_000)
  const image = createImage([5000, 300_000])
  const [layer] = image.layers as [(typeof image.layers)[number]]
  const unknown = formatDigest(sha256(Buffer.from('nothing has this digest')))
  let lab: Lab
  let registry: RegistryServer
  let base: string

  before(async function () {
    if ((await whyNoRegistryServer()) !== undefined) this.skip()
    lab = await Lab.create()
    registry = await RegistryServer.start()
    const push = new RegistryPush(registry.authority, 'team/app')
    for (const tag of ['a', 'b', 'c', 'd']) await pushImage(push, tag, image)
    const daemon = await lab.daemon('daemon')
    base = `${daemon.mirror}/v2/${registry.authority}`
  })
  after(async () => {
    await lab?.stop()
    await registry?.stop()
  })

  async function ask(method: string, path: string, headers: Record<string, string> = {}): Promise<Answer> {
    const asking = request(path.startsWith('/v2/') ? new URL(path, base).href : `${base}/${path}`, { method, headers, agent: false }).end()
    const [answer] = (await once(asking, 'response')) as [IncomingMessage]
    return Object.assign(answer, { bytes: await buffer(answer) })
  }

  function assertRefused({ statusCode, bytes }: Answer, status: number): void {
    assert.equal(statusCode, status)
    const { errors } = JSON.parse(bytes.toString()) as { readonly errors: readonly { readonly code: string }[] }
    assert.ok(errors.length > 0 && errors.every(({ code }) => CODES.has(code)), bytes.toString())
  }

  it('says at /v2/ that it speaks this protocol', async () => {
    assert.equal((await ask('GET', '')).statusCode, 200)
  })

  describe('blobs', () => {
    for (const { digest, bytes } of [image.config, ...image.layers]) {
      it(`HEAD and GET tell ${bytes.length} bytes`, async () => {
        const head = await ask('HEAD', `team/app/blobs/${digest}`)
        assert.deepEqual([head.statusCode, head.headers['content-length'], head.headers['docker-content-digest']], [200, `${bytes.length}`, digest])
        const got = await ask('GET', `team/app/blobs/${digest}`)
        assert.deepEqual([got.statusCode, got.headers['content-length'], got.headers['docker-content-digest']], [200, `${bytes.length}`, digest])
        assert.ok(got.bytes.equals(bytes))
      })
    }

    it('come in ranges', async () => {
      const part = await ask('GET', `team/app/blobs/${layer.digest}`, { range: 'bytes=10-19' })
      assert.deepEqual([part.statusCode, part.headers['content-range']], [206, `bytes 10-19/${layer.bytes.length}`])
      assert.ok(part.bytes.equals(layer.bytes.subarray(10, 20)))
      assert.equal((await ask('GET', `team/app/blobs/${layer.digest}`, { range: 'bytes=9999999-' })).statusCode, 416)
    })

    it('are told to be missing', async () => {
      assert.equal((await ask('HEAD', `team/app/blobs/${unknown}`)).statusCode, 404)
      assertRefused(await ask('GET', `team/app/blobs/${unknown}`), 404)
    })
  })

  describe('manifests', () => {
    const { digest, bytes, mediaType } = image.manifest

    for (const reference of ['a', digest]) {
      it(`HEAD and GET tell what ${reference.slice(0, 10)} is`, async () => {
        for (const method of ['HEAD', 'GET']) {
          const answer = await ask(method, `team/app/manifests/${reference}`, { accept: mediaType })
          const { 'content-type': type, 'content-length': length, 'docker-content-digest': named } = answer.headers
          assert.deepEqual([answer.statusCode, type, length, named], [200, mediaType, `${bytes.length}`, digest])
          assert.ok(answer.bytes.equals(method === 'GET' ? bytes : Buffer.alloc(0)))
        }
      })
    }

    it('come to whoever accepts one of several types', async () => {
      const accept = `application/vnd.docker.distribution.manifest.v2+json, ${mediaType}, */*;q=0.1`
      assert.equal((await ask('GET', 'team/app/manifests/b', { accept })).headers['content-type'], mediaType)
    })

    it('are told to be missing, by tag, by digest and by repository', async () => {
      for (const reference of ['none', unknown]) {
        assert.equal((await ask('HEAD', `team/app/manifests/${reference}`)).statusCode, 404)
        assertRefused(await ask('GET', `team/app/manifests/${reference}`), 404)
      }
      assertRefused(await ask('GET', 'no/such/manifests/a'), 404)
      assert.equal((await ask('GET', 'team/app/manifests/.INVALID_MANIFEST_NAME')).statusCode, 404)
    })
  })

  it("passes the specification's own suite (DAMSELFLY_TEST_CONFORMANCE: the path of the compiled one)", async function () {
    const suite = process.env['DAMSELFLY_TEST_CONFORMANCE']
    if (suite === undefined) this.skip()
    const config = { mirror: { port: 0, defaultRegistry: registry.authority } }
    const { mirror } = await lab.daemon('for-the-suite', { config })
    const env = { OCI_ROOT_URL: mirror, OCI_NAMESPACE: 'a/b', OCI_TEST_PULL: '1', OCI_REPORT_DIR: 'none', OCI_HIDE_SKIPPED_WORKFLOWS: '1' }
    const exit = await lab.program('conformance', suite, [], { env }).exited
    assert.equal(exit.code, 0, described(exit))
    assert.match(exit.stdout, /Ran [1-9]\d* of \d+ Specs/)
  })

  it('lists tags', async () => {
    // Pages are the registry's own business; this one gives all at once.
    const answer = await ask('GET', 'team/app/tags/list')
    assert.equal(answer.statusCode, 200)
    const { name, tags } = JSON.parse(answer.bytes.toString()) as { readonly name: string; readonly tags: readonly string[] }
    assert.deepEqual([name, tags.toSorted()], ['team/app', ['a', 'b', 'c', 'd']])
    assertRefused(await ask('GET', 'no/such/tags/list'), 404)
  })
})
