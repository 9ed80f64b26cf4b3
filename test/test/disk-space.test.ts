import assert from 'node:assert/strict'
import { rm } from 'node:fs/promises'
import { digestOf, Lab, type Daemon, type Supernode } from '@damselfly/test'
import type { FaultOrigin } from '@damselfly/cdn/testing'

const MIB = 1024 * 1024
const SIZE = 10 * MIB

interface GcStatus {
  readonly space: { readonly used: number }
  readonly last: { readonly evicted: readonly { readonly bytes: number }[]; readonly enough: boolean } | null
}

describe('programs with a quota for two contents', function () {
  this.timeout(120_000)
  const store = { quota: 25 * MIB }
  let lab: Lab
  let origin: FaultOrigin
  let supernode: Supernode
  let daemon: Daemon

  before(async () => {
    lab = await Lab.create()
    origin = await lab.faultOrigin()
    supernode = await lab.supernode('supernode', { config: { store } })
    daemon = await lab.daemon('daemon', { supernodes: [supernode.address], config: { store } })
  })

  after(() => lab.stop())

  it('delete the one that was not used for longest when a third comes', async () => {
    for (const name of ['a', 'b']) await download(name)
    assert.deepEqual([await evicted(), (await gc()).last], [0, null])
    await download('c')
    assert.ok((await evicted()) >= 1)
    const { space, last } = await gc()
    assert.ok(space.used <= store.quota)
    assert.equal(last?.enough, true)
  })

  it('leave what was written for callers as it is, and bring a deleted one again', async () => {
    const first = await digestOf(lab.path('a'))
    const asked = origin.stats('/a').gets
    await rm(lab.path('a'))
    await download('a')
    assert.equal(await digestOf(lab.path('a')), first)
    assert.equal(origin.stats('/a').gets, asked + 1)
  })

  async function download(name: string): Promise<void> {
    const done = await lab.download(origin.add(`/${name}`, { size: SIZE, seed: name.codePointAt(0) ?? 0 }), lab.path(name), daemon).done()
    assert.equal(done.contentLength, SIZE)
  }

  async function evicted(): Promise<number> {
    return supernode.metric('damselfly_cdn_evicted_tasks_total')
  }

  async function gc(): Promise<GcStatus> {
    return supernode.get<GcStatus>('/api/v1/gc')
  }
})
