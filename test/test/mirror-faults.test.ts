import assert from 'node:assert/strict'
import { createImage, pushImage, RegistryProxy, RegistryPush, RegistryServer, whyNoRegistryServer, type BlobFault } from '@damselfly/cdn/testing/registry'
import { canMount, createSkopeo, Lab, missingPrograms, until, type Daemon, type Supernode } from '@damselfly/test'

const MIB = 1024 * 1024
const NAME = 'registry.test:5000'

/** Each has a layer of its own, which nobody has had before. */
const IMAGES = { cut: 6, wrong: 2, failing: 3, cold: 2, large: 7, full: 8, stalled: 5, held: 6, orphaned: 3 } as const

/** skopeo takes a whole image from whoever gave the manifest, tries once, and goes on with nothing: so it hides no fault. */
describe('skopeo through a daemon, from a registry with faults', function () {
  this.timeout(180_000)
  let lab: Lab
  let registry: RegistryServer
  let proxy: RegistryProxy
  let supernode: Supernode
  let origins: { readonly registries: readonly { readonly host: string; readonly endpoint: string }[] }
  let first: Puller
  let second: Puller

  interface Puller {
    readonly daemon: Daemon
    /** @throws with all that skopeo said */
    pull(image: keyof typeof IMAGES): Promise<void>
    /** Resolves once the metrics have one of these reasons why the registry was asked, by the peer or past it. */
    hasReason(...reasons: readonly string[]): Promise<void>
  }

  before(async function () {
    if ((await whyNoRegistryServer()) !== undefined || (await missingPrograms(['skopeo'])).length > 0) this.skip()
    lab = await Lab.create()
    registry = await RegistryServer.start()
    for (const [index, [name, mib]] of Object.entries(IMAGES).entries()) {
      await pushImage(new RegistryPush(registry.authority, `library/${name}`), '1', createImage([mib * MIB + index]))
    }
    proxy = await RegistryProxy.start(registry.authority)
    origins = { registries: [{ host: NAME, endpoint: `http://${proxy.authority}` }] }
    supernode = await lab.supernode('supernode', { config: { origins } })
    first = await puller('first')
    second = await puller('second')
  })
  beforeEach(() => void (proxy.fault = { type: 'none' }))
  after(async () => {
    await lab?.stop()
    await proxy?.stop()
    await registry?.stop()
  })

  async function puller(name: string, more: Readonly<Record<string, unknown>> = {}): Promise<Puller> {
    const config = { origins, mirror: { port: 0, stallTimeout: '3s' }, ...more }
    const daemon = await lab.daemon(name, { supernodes: [supernode.address], config })
    const skopeo = await createSkopeo(lab, daemon.mirror, [NAME], `skopeo-${name}`)
    return {
      daemon,
      pull: (image) => skopeo.pull(`${NAME}/library/${image}:1`),
      hasReason: (...reasons) => {
        const pattern = new RegExp(`^damselfly_mirror_back_to_source_total\\{reason="(?:${reasons.join('|')})"\\} [1-9]`, 'm')
        return until(async () => pattern.test(await daemon.metrics()))
      },
    }
  }

  /** @returns a fault, and when it has come to it */
  function holding(after: number): { readonly fault: BlobFault; readonly isHeld: Promise<void>; readonly goOn: () => void } {
    const reached = Promise.withResolvers<void>()
    const gate = Promise.withResolvers<void>()
    return { fault: { type: 'hold', after, until: gate.promise, onHeld: reached.resolve }, isHeld: reached.promise, goOn: gate.resolve }
  }

  it('gets what is cut again and again', async () => {
    proxy.fault = { type: 'cut', after: 2 * MIB }
    await first.pull('cut')
  })

  it('gets what the swarm has while blobs are answered by 500, and hears so of the rest', async () => {
    await first.pull('failing')
    proxy.fault = { type: 'status', status: 500 }
    await second.pull('failing')
    await assert.rejects(second.pull('cold'), /500|spoiled/)
  })

  it('never takes wrong bytes for an image, and gets the right ones afterwards', async () => {
    proxy.fault = { type: 'wrong' }
    await assert.rejects(first.pull('wrong'))
    proxy.fault = { type: 'none' }
    await second.pull('wrong')
  })

  it('gets what a registry stops to send, after seconds, with the reason in log and metric', async () => {
    const { fault, isHeld, goOn } = holding(MIB)
    proxy.fault = fault
    const pulling = first.pull('stalled')
    await isHeld
    proxy.fault = { type: 'none' }
    await pulling
    goOn()
    assert.match(first.daemon.program.stderr, /"reason":"swarm-stalled".*the registry itself is asked/)
    await first.hasReason('swarm-stalled')
  })

  it('gets an image although the peer that had it is killed in the middle', async () => {
    const third = await puller('third', { rates: { upload: '3MiB/s' } })
    await third.pull('large')
    let isOver = false
    const pulling = second.pull('large').finally(() => (isOver = true))
    await until(async () => isOver || (await received(second.daemon)) > MIB)
    third.daemon.program.kill('SIGKILL')
    await pulling
  })

  it('gets an image that the disk of the host has no room for', async function () {
    if (!(await canMount())) this.skip()
    const disk = await lab.smallDisk('full', 3 * MIB)
    const full = await puller('full-daemon', { dataDir: disk.path })
    await full.pull('full')
    // A machine that is busy enough makes any source seem to stall before.
    await full.hasReason('disk-failed', 'swarm-stalled')
  })

  it('gets an image although the supernode dies in the middle, and after it has', async () => {
    const { fault, isHeld, goOn } = holding(MIB)
    proxy.fault = fault
    const pulling = first.pull('held')
    await isHeld
    supernode.program.kill('SIGKILL')
    await supernode.program.exited
    proxy.fault = { type: 'none' }
    goOn()
    await pulling
    await second.pull('orphaned')
    await second.hasReason('supernode-lost', 'supernode-unreachable', 'swarm-stalled')
  })

  /** Of what is not whole yet; bytes. */
  async function received(daemon: Daemon): Promise<number> {
    const { tasks } = await daemon.call<{ tasks: readonly { state: string; verifiedBytes: number }[] }>('GET', '/api/v1/tasks')
    return Math.max(0, ...tasks.filter(({ state }) => state !== 'complete').map(({ verifiedBytes }) => verifiedBytes))
  }
})
