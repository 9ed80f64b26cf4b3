import assert from 'node:assert/strict'
import { readdir, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { digestOf, isInstalled, Lab, NGINX, writeRandomFile, type Daemon, type Nginx, type Supernode } from '@damselfly/test'

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
    assert.equal(await supernode.metric('damselfly_cdn_used_bytes'), 0)
    assert.ok((await bytesBelow(supernode.dataDir)) < 2 * MIB)
  })
})

/** Of all files. */
async function bytesBelow(folder: string): Promise<number> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true })
  const files = entries.filter((entry) => entry.isFile())
  const sizes = await Promise.all(files.map(async ({ parentPath, name }) => (await stat(join(parentPath, name))).size))
  return sizes.reduce((sum, size) => sum + size, 0)
}
