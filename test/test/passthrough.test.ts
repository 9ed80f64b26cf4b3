import assert from 'node:assert/strict'
import { readdir, stat } from 'node:fs/promises'
import { createHash } from 'node:crypto'
import { join } from 'node:path'
import { generatedContent } from '@damselfly/cdn/testing'
import { assertFailure, digestOf, isInstalled, Lab, NGINX, writeRandomFile, type Daemon, type Nginx, type Supernode } from '@damselfly/test'

const MIB = 1024 * 1024
const LENGTH = 96 * MIB

describe('a supernode that passes contents on', () => {
  let lab: Lab
  let nginx: Nginx
  let supernode: Supernode
  let daemons: readonly Daemon[]

  before(async function () {
    if (!(await isInstalled(NGINX))) return this.skip()
    this.timeout(120_000)
    lab = await Lab.create()
    nginx = await lab.nginx()
    supernode = await lab.supernode('supernode', { config: { cdn: { mode: 'passthrough' } } })
    const supernodes = [supernode.address]
    daemons = await Promise.all([1, 2, 3].map(async (number) => lab.daemon(`daemon-${number}`, { supernodes })))
  })
  after(async () => lab?.stop())

  it('lets each peer fetch some of the pieces from the origin and give them to the others, and keeps nothing', async function () {
    this.timeout(120_000)
    const digest = await writeRandomFile(join(nginx.root, 'file'), LENGTH, 1)
    const downloads = await Promise.all(
      daemons.map(async (daemon, i) => lab.download(nginx.url('file'), lab.path(`output-${i}`), daemon).done()),
    )
    for (const i of daemons.keys()) assert.equal(await digestOf(lab.path(`output-${i}`)), digest)
    const fromOrigin = (await nginx.bodyBytes('file')) / LENGTH
    assert.ok(fromOrigin >= 1 && fromOrigin <= 1.2, `the origin sent ${fromOrigin} times the file`)
    assert.ok(downloads.every(({ bytesFrom }) => bytesFrom.cdn === 0))
    assert.ok(downloads.filter(({ bytesFrom }) => bytesFrom.origin > 0).length > 1, 'more than one has fetched from the origin')
    assert.ok(downloads.some(({ bytesFrom }) => bytesFrom.peers > 0))
    assert.ok(downloads.some(({ backToSource }) => backToSource === 'passthrough'))
    await assertKeepsNothing(supernode)
  })

  it('is one of several of that kind on one origin, each of which has every byte fetched once for its own peers', async function () {
    this.timeout(120_000)
    const length = LENGTH / 4
    const digest = await writeRandomFile(join(nginx.root, 'shared'), length, 2)
    const other = await lab.supernode('other', { config: { cdn: { mode: 'passthrough' } } })
    const others = await Promise.all([1, 2].map(async (number) => lab.daemon(`other-${number}`, { supernodes: [other.address] })))
    const networks = [daemons.slice(0, 2), others]
    const fetched = await Promise.all(
      networks.map(async (network, n) => {
        const done = await Promise.all(network.map(async (daemon, i) => lab.download(nginx.url('shared'), lab.path(`shared-${n}-${i}`), daemon).done()))
        for (const i of network.keys()) assert.equal(await digestOf(lab.path(`shared-${n}-${i}`)), digest)
        assert.ok(done.every(({ bytesFrom }) => bytesFrom.cdn === 0))
        return done.reduce((sum, { bytesFrom }) => sum + bytesFrom.origin, 0) / length
      }),
    )
    // What is late near the end may be asked for twice, and one piece of 32 is read again by the supernode.
    for (const times of fetched) assert.ok(times >= 1 && times <= 1.2, `one network fetched ${times} times the content`)
    const fromOrigin = (await nginx.bodyBytes('shared')) / length
    assert.ok(fromOrigin >= 2 && fromOrigin <= 2.6, `the origin sent ${fromOrigin} times the file`)
    await assertKeepsNothing(other)
  })

  it('lets nobody go on whom the origin refuses once the content turns private', async function () {
    this.timeout(120_000)
    const secret = 'Bearer very-secret-word'
    const origin = await lab.faultOrigin()
    const open = { size: LENGTH / 4, etag: '"same"', trickle: { bytes: 64 * 1024, everyMs: 20 } }
    const url = origin.add('/turning', { ...open, later: { after: 6, content: { ...open, trickle: undefined, requireHeader: ['authorization', secret] } } })
    const [stranger, known] = daemons as [Daemon, Daemon]
    const refused = lab.dfget([url, '-o', lab.path('refused'), '--socket', stranger.socket])
    await origin.when('/turning', ({ gets }) => gets >= 6)
    await lab.download(url, lab.path('turned'), known, ['--header', `Authorization: ${secret}`]).done()
    assert.equal(await digestOf(lab.path('turned')), createHash('sha256').update(generatedContent(open.size)).digest('hex'))
    assertFailure(await refused.exited, 'ORIGIN_UNAUTHORIZED')
  })
})

async function assertKeepsNothing(supernode: Supernode): Promise<void> {
  assert.equal(await supernode.metric('damselfly_cdn_used_bytes'), 0)
  assert.ok((await bytesBelow(supernode.dataDir)) < 2 * MIB)
}

/** Of all files. */
async function bytesBelow(folder: string): Promise<number> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true })
  const files = entries.filter((entry) => entry.isFile())
  const sizes = await Promise.all(files.map(async ({ parentPath, name }) => (await stat(join(parentPath, name))).size))
  return sizes.reduce((sum, size) => sum + size, 0)
}
