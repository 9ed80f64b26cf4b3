import assert from 'node:assert/strict'
import { once } from 'node:events'
import { request, type IncomingMessage } from 'node:http'
import { buffer } from 'node:stream/consumers'
import { createImage, pushImage, RegistryPush, RegistryServer, whyNoRegistryServer } from '@damselfly/cdn/testing/registry'
import { Lab, type Daemon } from '@damselfly/test'

const MIB = 1024 * 1024
const image = createImage([9 * MIB, 2 * MIB, 100])
const [large] = image.layers

describe('a registry through two daemons', function () {
  this.timeout(120_000)
  let lab: Lab
  let registry: RegistryServer
  let daemons: Daemon[]

  before(async function () {
    if ((await whyNoRegistryServer()) !== undefined) this.skip()
    lab = await Lab.create()
    registry = await RegistryServer.start()
    await pushImage(new RegistryPush(registry.authority, 'library/big'), '1', image)
    const supernode = await lab.supernode()
    daemons = []
    for (const name of ['first', 'second']) daemons.push(await lab.daemon(name, { supernodes: [supernode.address] }))
  })
  after(async () => {
    await lab?.stop()
    await registry?.stop()
  })

  const mirror = (index: number): string => daemons[index]?.mirror ?? assert.fail('no mirror')

  async function get(url: string, init: { readonly method?: string; readonly headers?: Record<string, string> } = {}): Promise<IncomingMessage & { readonly bytes: Buffer }> {
    const asking = request(url, { agent: false, ...init }).end()
    const [answer] = (await once(asking, 'response')) as [IncomingMessage]
    return Object.assign(answer, { bytes: await buffer(answer) })
  }
  const sent = (part: string): number =>
    registry.answers.filter(({ method, path }) => method === 'GET' && path.includes(part)).reduce((sum, { bytes }) => sum + bytes, 0)

  it('gives what a tag means, as the registry would', async () => {
    const answer = await get(`${mirror(0)}/v2/library/big/manifests/1?ns=${registry.authority}`, { headers: { accept: image.manifest.mediaType } })
    assert.equal(answer.statusCode, 200, answer.bytes.toString())
    assert.ok(answer.bytes.equals(image.manifest.bytes))
    assert.equal(answer.headers['content-type'], image.manifest.mediaType)
    assert.equal(answer.headers['docker-content-digest'], image.manifest.digest)
    const head = await get(`${mirror(0)}/v2/library/big/manifests/1?ns=${registry.authority}`, { method: 'HEAD', headers: { accept: image.manifest.mediaType } })
    assert.equal(head.headers['content-length'], String(image.manifest.bytes.length))
  })

  it('gives every blob to both, and costs the registry each of them once', async () => {
    for (const index of [0, 1]) {
      for (const { digest, bytes } of [image.config, ...image.layers]) {
        const answer = await get(`${mirror(index)}/v2/${registry.authority}/library/big/blobs/${digest}`)
        assert.equal(answer.statusCode, 200, answer.bytes.toString())
        assert.ok(answer.bytes.equals(bytes))
        assert.equal(answer.headers['content-length'], String(bytes.length))
      }
    }
    for (const { digest, bytes } of image.layers) assert.equal(sent(digest), bytes.length)
  })

  it('gives parts of a blob that is here', async () => {
    const url = `${mirror(0)}/v2/library/big/blobs/${large?.digest}?ns=${registry.authority}`
    const answer = await get(url, { headers: { range: 'bytes=1000-1999' } })
    assert.equal(answer.statusCode, 206)
    assert.ok(answer.bytes.equals((large?.bytes ?? assert.fail()).subarray(1000, 2000)))
    const beyond = await get(url, { headers: { range: 'bytes=99999999-' } })
    assert.deepEqual([beyond.statusCode, beyond.headers['content-range']], [416, `bytes */${large?.bytes.length}`])
  })

  it('passes on what it has nothing to add to, pushes too', async () => {
    const tags = await get(`${mirror(0)}/v2/library/big/tags/list?ns=${registry.authority}`)
    assert.deepEqual(JSON.parse(tags.bytes.toString()), { name: 'library/big', tags: ['1'] })
    const missing = await get(`${mirror(0)}/v2/library/big/manifests/none?ns=${registry.authority}`)
    assert.equal(missing.statusCode, 404)
    assert.match(missing.bytes.toString(), /MANIFEST_UNKNOWN/)
    assert.equal((await get(`${mirror(0)}/elsewhere`)).statusCode, 404)
  })
})
