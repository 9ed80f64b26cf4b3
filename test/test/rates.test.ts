import assert from 'node:assert/strict'
import type { FaultOrigin } from '@damselfly/cdn/testing'
import { pause, systemClock } from '@damselfly/shared'
import { Lab, type Daemon, type Supernode } from '@damselfly/test'

const MB = 1e6
const MIB = 1024 ** 2

interface Rates {
  readonly settings: Readonly<Record<string, number>>
  readonly supernode: Readonly<Record<string, number>>
  readonly tasks: readonly { readonly taskId: string; readonly upload: number | null; readonly download: number | null }[]
}

describe('limits of rate between real programs', function () {
  this.timeout(120_000)
  let lab: Lab
  let origin: FaultOrigin
  let supernode: Supernode
  let parent: Daemon
  let child: Daemon
  let files = 0

  before(async () => {
    lab = await Lab.create()
    origin = await lab.faultOrigin()
    supernode = await lab.supernode()
    parent = await lab.daemon('parent', { supernodes: [supernode.address] })
    child = await lab.daemon('child', { supernodes: [supernode.address] })
  })

  after(() => lab.stop())

  /** A content that the parent has. */
  async function held(bytes: number): Promise<string> {
    const url = origin.add(`/file-${++files}`, { size: bytes, seed: files })
    await lab.download(url, lab.path(`held-${files}`), parent).done()
    return url
  }

  /** How fast a download came; bytes per second. */
  async function rateOf(url: string, args: readonly string[] = []): Promise<number> {
    const { milliseconds, contentLength } = await lab.download(url, lab.path(`out-${files}-${Math.random()}`), child, args).done()
    return (contentLength / milliseconds) * 1000
  }

  const changed = (daemon: Daemon, change: Record<string, number>): Promise<Rates> => daemon.call<Rates>('PATCH', '/api/v1/rates', change)

  it('hold a download to what its caller wishes, whatever the bytes come from', async () => {
    const rate = await rateOf(await held(6 * MIB), ['--limit-rate', '2MB'])
    assert.ok(rate <= 2.2 * MB, `${rate / MB} MB/s`)
    assert.ok(rate >= 0.4 * MB, `${rate / MB} MB/s`)
  })

  it('are seen and changed through the local API while a download runs', async () => {
    const url = await held(12 * MIB)
    const { settings } = await changed(child, { download: 1 * MB })
    assert.equal(settings['download'], 1 * MB)
    const download = lab.download(url, lab.path('changed'), child)
    const begun = Date.now()
    const { verifiedBytes, inFlightBytes } = await download.received(2 * MB)
    const before = ((verifiedBytes + inFlightBytes) / (Date.now() - begun)) * 1000
    assert.ok(before <= 1.5 * MB, `${before / MB} MB/s`)
    await changed(child, { download: 0 })
    const { milliseconds } = await download.done()
    assert.ok(milliseconds < 11_000, `${milliseconds} ms: the limit was lifted`)
  })

  it('are given to one task alone', async () => {
    const [slow, fast] = [await held(4 * MIB), await held(4 * MIB)]
    const running = lab.download(slow, lab.path('slow'), child, ['--limit-rate', '400kB'])
    const { taskId } = await running.received(1)
    await child.call('PATCH', `/api/v1/tasks/${taskId}/rates`, { download: 800_000 })
    const rate = await rateOf(fast)
    assert.ok(rate > 1.5 * MB, `${rate / MB} MB/s beside it`)
    const { tasks } = await child.call<Rates>('GET', '/api/v1/rates')
    assert.deepEqual(tasks, [{ taskId, upload: null, download: 800_000 }])
    const { milliseconds } = await running.done()
    assert.ok(milliseconds > 3500, `${milliseconds} ms`)
    await child.call('PATCH', `/api/v1/tasks/${taskId}/rates`, { download: null })
  })

  it('are set by the supernode for its peers, kept over its restart, and lifted', async () => {
    const rule = await supernode.send<{ id: string }>('POST', '/api/v1/rates/rules', { peer: parent.peerId, upload: 1 * MB, reason: 'uplink' })
    const told = await supernode.get<{ peers: readonly { peer: string; upload: number }[] }>('/api/v1/rates')
    assert.deepEqual(told.peers, [{ peer: parent.peerId, upload: 1 * MB, download: 0, origin: 0 }])
    await untilSupernodeAllows(parent, 1 * MB)
    await supernode.program.stop()
    supernode = await lab.supernode()
    await untilSupernodeAllows(parent, 0, 1 * MB)
    await untilSupernodeAllows(parent, 1 * MB)
    await supernode.send('DELETE', `/api/v1/rates/rules/${rule.id}`)
    await untilSupernodeAllows(parent, 0)
  })

  /** @param passing what may be seen meanwhile, or instead */
  async function untilSupernodeAllows(daemon: Daemon, upload: number, passing?: number): Promise<void> {
    for (;;) {
      const { supernode: allowed } = await daemon.call<Rates>('GET', '/api/v1/rates')
      if (allowed['upload'] === upload || allowed['upload'] === passing) return
      await pause(systemClock, 50)
    }
  }
})
