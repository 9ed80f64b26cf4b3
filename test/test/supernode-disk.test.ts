import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { rm, writeFile } from 'node:fs/promises'
import { generatedContent, type FaultOrigin } from '@damselfly/cdn/testing'
import { canMount, digestOf, Lab, until, type Daemon, type SmallDisk, type Supernode } from '@damselfly/test'

const MIB = 1024 ** 2
const SIZE = 12 * MIB
const TOO_LARGE = 30 * MIB

interface Preheat {
  readonly id: string
  readonly state: string
  readonly results: readonly { readonly url: string; readonly state: string; readonly error: { readonly code: string } | null }[]
}

interface Targets {
  readonly targets: readonly { readonly hostName: string; readonly peer: string; readonly state: string; readonly error: { readonly code: string } | null }[]
}

describe('a supernode whose disk is full', function () {
  this.timeout(180_000)
  let lab: Lab
  let origin: FaultOrigin
  let disk: SmallDisk
  let supernode: Supernode
  let daemon: Daemon

  before(async function () {
    if (!(await canMount())) return this.skip()
    lab = await Lab.create()
    origin = await lab.faultOrigin()
    disk = await lab.smallDisk('supernode', 64 * MIB)
    await writeFile(`${disk.path}/ballast`, Buffer.alloc(38 * MIB))
    supernode = await lab.supernode()
    daemon = await lab.daemon('daemon', { supernodes: [supernode.address] })
  })

  after(() => lab?.stop())

  const preheated = async (body: object): Promise<Preheat> => {
    const { id } = await supernode.send<Preheat>('POST', '/api/v1/preheats', body)
    const look = (): Promise<Preheat> => supernode.get(`/api/v1/preheats/${id}`)
    await until(async () => !['waiting', 'running'].includes((await look()).state))
    return look()
  }

  async function comes(url: string, size: number, seed: number, more: readonly string[] = []): Promise<number> {
    const output = lab.path(`out-${seed}`)
    const done = await lab.download(url, output, daemon, more).done()
    assert.equal(await digestOf(output), createHash('sha256').update(generatedContent(size, seed)).digest('hex'))
    return done.bytesFrom.origin
  }

  it('says so of a preheat that does not fit, and lets its peers go to the origin: DISK_FULL', async () => {
    const url = origin.add('/large', { size: TOO_LARGE, seed: 9 })
    const { state, results } = await preheated({ urls: [url] })
    assert.deepEqual([state, results[0]?.error?.code], ['failed', 'DISK_FULL'])
    assert.equal(await comes(url, TOO_LARGE, 9), TOO_LARGE)
    assert.equal((await fetch(`${supernode.url}/healthz`)).status, 200)
  })

  it('says so of each that does not fit among several at once, and serves the others right', async () => {
    const urls = [1, 2, 3].map((seed) => origin.add(`/file-${seed}`, { size: SIZE, seed, pauseAfter: SIZE / 2 }))
    const preheating = preheated({ urls })
    await Promise.race([preheating, Promise.all([1, 2, 3].map((seed) => origin.when(`/file-${seed}`, ({ gets }) => gets > 0)))])
    for (const seed of [1, 2, 3]) origin.resume(`/file-${seed}`)
    const { state, results } = await preheating
    assert.equal(state, 'partial', JSON.stringify(results))
    for (const { state: each, error } of results) assert.equal(error?.code, each === 'held' ? undefined : 'DISK_FULL')
    for (const [i, url] of urls.entries()) await comes(url, SIZE, i + 1)
  })

  it('takes them when there is room again', async () => {
    await rm(`${disk.path}/ballast`)
    const urls = [1, 2, 3].map((seed) => origin.url(`/file-${seed}`))
    // For seconds it remembers that there was none.
    await until(async () => (await preheated({ urls })).state === 'done')
    const fresh = await lab.daemon('fresh', { supernodes: [supernode.address] })
    const before = origin.stats('/file-3').bodyBytes
    const done = await lab.download(urls[2] ?? '', lab.path('fresh-out'), fresh, ['--no-back-to-source']).done()
    assert.equal(done.bytesFrom.origin, 0)
    assert.equal(await digestOf(lab.path('fresh-out')), createHash('sha256').update(generatedContent(SIZE, 3)).digest('hex'))
    assert.equal(origin.stats('/file-3').bodyBytes, before)
  })

  it('tells a peer without room from those with room', async () => {
    const small = await lab.smallDisk('small-peer', 8 * MIB)
    const full = await lab.daemon('full', { supernodes: [supernode.address], config: { dataDir: `${small.path}/data` } })
    await until(async () => (await supernode.metric('damselfly_supernode_peers')) === 3)
    const { id, state } = await preheated({ urls: [origin.url('/file-3')], scope: 'all' })
    assert.equal(state, 'partial')
    const { targets } = await supernode.get<Targets>(`/api/v1/preheats/${id}/targets`)
    for (const { peer, error } of targets) assert.equal(error?.code, peer === full.peerId ? 'DISK_FULL' : undefined)
    assert.equal(targets.length, 3)
  })
})
