import assert from 'node:assert/strict'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { generatedContent } from '@damselfly/cdn/testing'
import { REGISTRY_USER, RegistryPush, RegistryServer, whyNoRegistryServer, type PushedImage } from '@damselfly/cdn/testing/registry'
import { Lab, until, type Daemon, type Supernode } from '@damselfly/test'

const PLATFORMS = ['linux/amd64', 'linux/arm64']

describe('a preheat of an image in a private registry (docker-registry)', function () {
  this.timeout(180_000)
  let storage: string
  let lab: Lab
  let registry: RegistryServer
  let image: PushedImage
  let supernode: Supernode
  let peers: readonly Daemon[]

  before(async function () {
    if ((await whyNoRegistryServer()) !== undefined) return this.skip()
    storage = await mkdtemp(join(tmpdir(), 'damselfly-images-'))
    const open = await RegistryServer.start({ storage })
    image = await new RegistryPush(open.authority, 'team/app').image('v1', PLATFORMS, generatedContent(3_000_000))
    await open.stop()
    registry = await RegistryServer.start({ storage, auth: { type: 'passwords' } })
    lab = await Lab.create()
    const registries = [{ host: registry.authority, plainHttp: true, ...REGISTRY_USER }]
    supernode = await lab.supernode('supernode', { config: { origins: { registries } } })
    const supernodes = [supernode.address]
    peers = await Promise.all(
      ['paris', 'oslo'].map((location) => lab.daemon(location, { supernodes, config: { location: { location } } })),
    )
    await until(async () => (await supernode.metric('damselfly_supernode_peers')) === peers.length)
  })

  after(async () => {
    await lab?.stop()
    await registry?.stop()
    if (storage !== undefined) await rm(storage, { recursive: true })
  })

  const fetched = (digest: string): number =>
    registry.answers.filter(({ method, path, status }) => method === 'GET' && status < 300 && path.includes(digest)).length

  it('brings what a platform needs to the peers of a location, each part once from the registry', async () => {
    const reference = `oci://${registry.authority}/team/app:v1`
    const ways = ['--management', supernode.url, '--token-file', join(supernode.dataDir, 'admin-token')]
    const args = ['preheat', '--list', reference, '--platform', 'linux/arm64', '--all', '--location', 'oslo']
    const { code, stdout, stderr } = await lab.dfget([...args, ...ways]).exited
    assert.equal(code, 0, stderr)
    // Index, manifest, configuration and two layers, one of them for this platform alone.
    assert.match(stdout, /done: 5 of 5 at the supernode \([^)]*\), 5 of 5 at peers/)
    const [own] = image.layers.slice(2)
    const wanted = [image.manifests.get('linux/arm64'), image.configs.get('linux/arm64'), image.layers[0], own].map((part) => part?.digest ?? '')
    for (const digest of wanted) assert.ok(fetched(digest) >= 1, digest)
    // The layers are the bytes that count; manifests are read to be listed, too.
    assert.deepEqual([image.layers[0], own].map((part) => fetched(part?.digest ?? '')), [1, 1])
    for (const part of [image.manifests.get('linux/amd64'), image.configs.get('linux/amd64'), image.layers[1]]) {
      assert.equal(fetched(part?.digest ?? 'none'), 0)
    }
    const held = await Promise.all(peers.map((peer) => peer.call<{ tasks: readonly { state: string }[] }>('GET', '/api/v1/tasks')))
    assert.deepEqual(held.map(({ tasks }) => tasks.filter(({ state }) => state === 'complete').length), [0, 5])
  })

  it('brings what every platform needs where none is chosen, and nothing of it twice', async () => {
    const ways = ['--management', supernode.url, '--token-file', join(supernode.dataDir, 'admin-token')]
    const { code, stdout, stderr } = await lab.dfget(['preheat', '--list', `oci://${registry.authority}/team/app:v1`, ...ways]).exited
    assert.equal(code, 0, stderr)
    // Index, a manifest, a configuration and a layer for each platform, and the layer that they share.
    assert.match(stdout, /done: 8 of 8 at the supernode/)
    for (const layer of image.layers) assert.equal(fetched(layer.digest), 1)
  })

  it('says so where the image is for other platforms: ORIGIN_NOT_FOUND', async () => {
    const body = { list: `oci://${registry.authority}/team/app:v1`, platforms: ['windows/amd64'] }
    await assert.rejects(supernode.send('POST', '/api/v1/preheats', body), /ORIGIN_NOT_FOUND.*linux\/amd64, linux\/arm64/)
  })

  it('says so where the login is wrong: ORIGIN_UNAUTHORIZED', async () => {
    const basic = `Basic ${Buffer.from('tester:wrong').toString('base64')}`
    const body = { list: `oci://${registry.authority}/team/app:v1`, headers: [['authorization', basic]] }
    await assert.rejects(supernode.send('POST', '/api/v1/preheats', body), /ORIGIN_UNAUTHORIZED/)
  })
})
