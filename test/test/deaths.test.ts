import assert from 'node:assert/strict'
import { digestOf, isInstalled, Lab, NGINX, RunningDownload, writeRandomFile, type Nginx, until } from '@damselfly/test'

const MIB = 1024 ** 2
const SIZE = 192 * MIB
/** The origin is slow enough for something to die in the middle. */
const RATE = 48 * MIB

describe('when something is killed in the middle of a download', function () {
  this.timeout(180_000)
  let lab: Lab
  let nginx: Nginx
  let digest: string

  beforeEach(async function () {
    if (!(await isInstalled(NGINX))) return this.skip()
    lab = await Lab.create()
    nginx = await lab.nginx({ rate: RATE })
    digest = await writeRandomFile(`${nginx.root}/file`, SIZE, 7)
  })

  afterEach(() => lab?.stop())

  it('peers finish without the supernode, and it learns from them what they hold when it is back', async () => {
    const supernode = await lab.supernode()
    const supernodes = [supernode.address]
    const peers = await Promise.all(['a', 'b', 'c'].map((name) => lab.daemon(name, { supernodes })))
    const downloads = peers.map((peer, i) => lab.download(nginx.url('file'), lab.path(`out-${i}`), peer))
    const halfway = await Promise.all(downloads.map((download) => download.reached(SIZE / 2)))
    supernode.program.kill('SIGKILL')
    await supernode.program.exited

    const fetchedByThen = await nginx.bodyBytes('file')
    const results = await Promise.all(downloads.map((download) => download.done()))
    let stillMissing = 0
    for (const [i, done] of results.entries()) {
      assert.equal(await digestOf(lab.path(`out-${i}`)), digest)
      const before = halfway[i]?.verifiedBytes ?? 0
      assert.ok(before >= SIZE / 2)
      // Nobody begins again: what was verified when the supernode died is not fetched a second time.
      assert.ok(done.bytesFrom.origin <= SIZE - before, `${done.bytesFrom.origin} bytes from the origin`)
      stillMissing += SIZE - before
    }
    // nginx logs a request when it ends, so that of the supernode is counted since.
    const extra = (await nginx.bodyBytes('file')) - fetchedByThen
    assert.ok(extra <= SIZE + stillMissing, `${extra} bytes`)

    const again = await lab.supernode('supernode', { config: { cdn: { freshness: { staleIfError: '1h' } } } })
    await until(async () => (await again.metric('damselfly_supernode_peers')) === 3)
    await nginx.stop()
    const fourth = await lab.daemon('d', { supernodes })
    const done = await lab.download(nginx.url('file'), lab.path('out-d'), fourth).done()
    assert.equal(await digestOf(lab.path('out-d')), digest)
    assert.equal(done.bytesFrom.origin, 0)
    assert.equal(done.bytesFrom.peers + done.bytesFrom.cdn, SIZE)
  })

  it('a child goes on when its parent is gone', async () => {
    const { address } = await lab.supernode()
    const parent = await lab.daemon('parent', { supernodes: [address], config: { rates: { upload: '24MiB' } } })
    await lab.download(nginx.url('file'), lab.path('out-parent'), parent).done()
    const child = await lab.daemon('child', { supernodes: [address] })
    const download = lab.download(nginx.url('file'), lab.path('out-child'), child)
    await download.reached(SIZE / 4)
    parent.program.kill('SIGKILL')
    const done = await download.done()
    assert.equal(await digestOf(lab.path('out-child')), digest)
    assert.ok(done.bytesFrom.peers > 0)
    assert.equal(done.bytesFrom.origin, 0)
    assert.equal(await nginx.bodyBytes('file'), SIZE)
  })

  it('a child that is started again fetches no verified piece twice', async () => {
    const { address } = await lab.supernode()
    const first = await lab.daemon('child', { supernodes: [address] })
    const broken = lab.download(nginx.url('file'), lab.path('out'), first)
    const { verifiedBytes } = await broken.reached(SIZE / 2)
    first.program.kill('SIGKILL')
    await broken.failed()
    await assert.rejects(digestOf(lab.path('out')), /ENOENT/)

    const second = await lab.daemon('child', { supernodes: [address] })
    const done = await lab.download(nginx.url('file'), lab.path('out'), second).done()
    assert.equal(await digestOf(lab.path('out')), digest)
    assert.ok(done.bytesFrom.held >= verifiedBytes, `${done.bytesFrom.held} of ${verifiedBytes} bytes were kept`)
    assert.equal(done.bytesFrom.held + done.bytesFrom.cdn + done.bytesFrom.peers + done.bytesFrom.origin, SIZE)
    assert.equal(await nginx.bodyBytes('file'), SIZE)
  })

  it('dfget alone continues from what it has verified', async () => {
    const args = [nginx.url('file'), '-o', lab.path('out'), '--json', '--no-daemon', '--data-dir', lab.path('dfget')]
    const broken = new RunningDownload(lab.dfget(args))
    const { verifiedBytes } = await broken.reached(SIZE / 2)
    broken.program.kill('SIGKILL')
    await broken.program.exited
    const done = await new RunningDownload(lab.dfget(args)).done()
    assert.equal(await digestOf(lab.path('out')), digest)
    assert.ok(done.bytesFrom.held >= verifiedBytes)
    assert.equal(done.bytesFrom.origin, SIZE - done.bytesFrom.held)
  })
})
