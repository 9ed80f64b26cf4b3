import assert from 'node:assert/strict'
import { once } from 'node:events'
import { request, type IncomingMessage } from 'node:http'
import { buffer } from 'node:stream/consumers'
import { createImage, pushImage, RegistryProxy, RegistryPush, RegistryServer, whyNoRegistryServer } from '@damselfly/cdn/testing/registry'
import { Lab, type Daemon } from '@damselfly/test'

const MIB = 1024 * 1024
const image = createImage([24 * MIB])
const [layer] = image.layers as [(typeof image.layers)[number]]
const { length } = layer.bytes

describe('a part in the middle of a blob that nobody has', function () {
  this.timeout(120_000)
  let lab: Lab
  let registry: RegistryServer
  /** Brings no blob further than its first byte, unless it is asked for what lies behind. */
  let proxy: RegistryProxy
  let first: Daemon
  let alone: Daemon

  before(async function () {
    if ((await whyNoRegistryServer()) !== undefined) this.skip()
    lab = await Lab.create()
    registry = await RegistryServer.start()
    await pushImage(new RegistryPush(registry.authority, 'library/big'), '1', image)
    proxy = await RegistryProxy.start(registry.authority)
    const supernode = await lab.supernode()
    first = await lab.daemon('first', { supernodes: [supernode.address] })
    alone = await lab.daemon('alone')
  })
  after(async () => {
    await lab?.stop()
    await proxy?.stop()
    await registry?.stop()
  })
  beforeEach(() => void proxy.blobAnswers.splice(0))

  async function part({ mirror }: Daemon, range: string): Promise<IncomingMessage & { readonly bytes: Buffer }> {
    const url = `${mirror}/v2/library/big/blobs/${layer.digest}?ns=${proxy.authority}`
    const asking = request(url, { agent: false, headers: { range } }).end()
    const [answer] = (await once(asking, 'response')) as [IncomingMessage]
    return Object.assign(answer, { bytes: await buffer(answer) })
  }

  for (const [who, daemon] of [['through the supernode', () => first], ['from the registry itself', () => alone]] as const) {
    it(`is fetched before all else ${who}, to the very end of the blob`, async () => {
      // What begins earlier never comes; so nothing may wait for it.
      proxy.fault = { type: 'hold-before', byte: 16 * MIB }
      const { statusCode, bytes, headers } = await part(daemon(), `bytes=${20 * MIB}-`)
      assert.deepEqual([statusCode, headers['content-range']], [206, `bytes ${20 * MIB}-${length - 1}/${length}`])
      assert.ok(bytes.equals(layer.bytes.subarray(20 * MIB)))
      assert.ok(proxy.blobAnswers.some(({ range = '' }) => range.startsWith(`bytes=${16 * MIB}-`)), JSON.stringify(proxy.blobAnswers))
    })
  }
})
