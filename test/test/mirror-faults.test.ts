import assert from 'node:assert/strict'
import { once } from 'node:events'
import { request, type IncomingMessage } from 'node:http'
import { buffer } from 'node:stream/consumers'
import { createImage, pushImage, RegistryProxy, RegistryPush, RegistryServer, whyNoRegistryServer, type BlobFault } from '@damselfly/cdn/testing/registry'
import { canMount, Lab, type Daemon, type Supernode } from '@damselfly/test'

const MIB = 1024 * 1024
const NAME = 'registry.test:5000'

/** Each fault has a blob of its own, which nobody has had before. */
const image = createImage([6, 6, 3, 2, 2, 6, 3].map((mib, index) => mib * MIB + index))
const [cut, held, orphaned, wrong, failing, large, slow] = image.layers as [Blob, Blob, Blob, Blob, Blob, Blob, Blob]
type Blob = (typeof image.layers)[number]

describe('a registry with faults, through a daemon', function () {
  this.timeout(180_000)
  let lab: Lab
  let registry: RegistryServer
  let proxy: RegistryProxy
  let supernode: Supernode
  let origins: { readonly registries: readonly { readonly host: string; readonly endpoint: string }[] }
  let first: Daemon
  let second: Daemon

  before(async function () {
    if ((await whyNoRegistryServer()) !== undefined) this.skip()
    lab = await Lab.create()
    registry = await RegistryServer.start()
    await pushImage(new RegistryPush(registry.authority, 'library/big'), '1', image)
    proxy = await RegistryProxy.start(registry.authority)
    origins = { registries: [{ host: NAME, endpoint: `http://${proxy.authority}` }] }
    supernode = await lab.supernode('supernode', { config: { origins } })
    first = await daemon('first')
    second = await daemon('second')
  })
  beforeEach(() => void (proxy.fault = { type: 'none' }))
  after(async () => {
    await lab?.stop()
    await proxy?.stop()
    await registry?.stop()
  })

  const daemon = (name: string, more: Readonly<Record<string, unknown>> = {}): Promise<Daemon> =>
    lab.daemon(name, { supernodes: [supernode.address], config: { origins, mirror: { port: 0, stallTimeout: '3s' }, ...more } })

  /** As a client would that tries only once. @returns when the answer has begun */
  async function ask({ mirror }: Daemon, { digest }: Blob): Promise<IncomingMessage> {
    const asking = request(`${mirror}/v2/${NAME}/library/big/blobs/${digest}`, { agent: false }).end()
    const [answer] = (await once(asking, 'response')) as [IncomingMessage]
    return answer
  }

  async function pull(from: Daemon, blob: Blob): Promise<IncomingMessage & { readonly bytes: Buffer }> {
    const answer = await ask(from, blob)
    return Object.assign(answer, { bytes: await buffer(answer) })
  }

  async function pulls(from: Daemon, blob: Blob): Promise<IncomingMessage> {
    const answer = await pull(from, blob)
    assert.equal(answer.statusCode, 200, answer.bytes.toString())
    assert.ok(answer.bytes.equals(blob.bytes))
    return answer
  }

  /** @returns a fault, and when it has come to it */
  function holding(after: number): { readonly fault: BlobFault; readonly isHeld: Promise<void>; readonly goOn: () => void } {
    const reached = Promise.withResolvers<void>()
    const gate = Promise.withResolvers<void>()
    return { fault: { type: 'hold', after, until: gate.promise, onHeld: reached.resolve }, isHeld: reached.promise, goOn: gate.resolve }
  }

  it('that cuts every blob again and again gives them all the same', async () => {
    proxy.fault = { type: 'cut', after: 2 * MIB }
    await pulls(first, cut)
  })

  it('that fails with blobs gives what the swarm has, and a clear error for the rest', async () => {
    await pulls(first, failing)
    proxy.fault = { type: 'status', status: 500 }
    await pulls(second, failing)
    const refused = await pull(second, slow)
    assert.deepEqual([refused.statusCode, JSON.parse(refused.bytes.toString()).errors[0].message], [500, 'spoiled'])
  })

  it('that gives wrong bytes is never taken for whole', async () => {
    proxy.fault = { type: 'wrong' }
    const failed = await pull(first, wrong).then(({ statusCode }) => statusCode, (error: NodeJS.ErrnoException) => error.code)
    assert.notEqual(failed, 200)
    proxy.fault = { type: 'none' }
    await pulls(second, wrong)
  })

  it('gives a blob although the peer that had it is killed in the middle', async () => {
    const third = await daemon('third')
    await pulls(third, large)
    const answer = await ask(second, large)
    third.program.kill('SIGKILL')
    assert.ok((await buffer(answer)).equals(large.bytes))
  })

  it('gives a blob to a daemon whose disk is full', async function () {
    if (!(await canMount())) this.skip()
    const disk = await lab.smallDisk('full', 3 * MIB)
    const answer = await pulls(await daemon('full-daemon', { dataDir: disk.path }), large)
    assert.equal(answer.headers['x-damselfly-back-to-source'] ?? 'disk-failed', 'disk-failed')
  })

  it('gives a blob although the supernode dies in the middle, and after it has', async () => {
    const { fault, isHeld, goOn } = holding(MIB)
    proxy.fault = fault
    const pulling = pull(first, held)
    await isHeld
    supernode.program.kill('SIGKILL')
    await supernode.program.exited
    proxy.fault = { type: 'none' }
    goOn()
    assert.ok((await pulling).bytes.equals(held.bytes))
    const answer = await pulls(second, orphaned)
    assert.ok(answer.headers['x-damselfly-back-to-source'] !== undefined)
  })
})
