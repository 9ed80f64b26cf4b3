import assert from 'node:assert/strict'
import { digestOf, isInstalled, Lab, NGINX, writeRandomFile, type Daemon, type Nginx, type Supernode } from '@damselfly/test'

const GIB = 1024 ** 3
const MIB = 1024 ** 2

describe('one gibibyte through a supernode to three peers at once', function () {
  this.timeout(240_000)
  let lab: Lab
  let nginx: Nginx
  let supernode: Supernode
  let peers: Daemon[]
  let digest: string

  before(async function () {
    if (!(await isInstalled(NGINX))) return this.skip()
    lab = await Lab.create()
    nginx = await lab.nginx()
    digest = await writeRandomFile(`${nginx.root}/big`, GIB, 1)
    supernode = await lab.supernode()
    const supernodes = [supernode.address]
    peers = await Promise.all(['a', 'b', 'c'].map((name) => lab.daemon(name, { supernodes })))
  })

  after(() => lab?.stop())

  it('brings the right bytes to each', async () => {
    const downloads = peers.map((peer, i) => lab.download(nginx.url('big'), lab.path(`out-${i}`), peer).done())
    for (const [i, done] of (await Promise.all(downloads)).entries()) {
      assert.equal(await digestOf(lab.path(`out-${i}`)), digest)
      assert.equal(done.bytesFrom.origin, 0)
      assert.equal(done.bytesFrom.peers + done.bytesFrom.cdn, GIB)
    }
  })

  it('takes each byte from the origin once, and none for probes', async () => {
    const requests = await nginx.requests('big')
    assert.equal(requests.reduce((sum, { bodyBytes }) => sum + bodyBytes, 0), GIB)
    assert.equal(requests.filter(({ method }) => method === 'HEAD').reduce((sum, { bodyBytes }) => sum + bodyBytes, 0), 0)
  })

  it('takes most from peers', async () => {
    const fromPeers = await supernode.metric('damselfly_reported_piece_bytes_total{from="peer"}')
    assert.ok(fromPeers >= 0.5 * 3 * GIB, `${fromPeers} bytes from peers`)
  })

  it('leaves nothing assigned behind', async () => {
    const { tasks } = await supernode.get<{ tasks: { contentLength: number }[] }>('/api/v1/tasks')
    assert.equal(tasks[0]?.contentLength, GIB)
  })
})

describe('contents of every size', function () {
  this.timeout(120_000)
  let lab: Lab
  let nginx: Nginx
  let first: Daemon
  let second: Daemon

  before(async function () {
    if (!(await isInstalled(NGINX))) return this.skip()
    lab = await Lab.create()
    nginx = await lab.nginx()
    const { address } = await lab.supernode()
    first = await lab.daemon('first', { supernodes: [address] })
    second = await lab.daemon('second', { supernodes: [address] })
  })

  after(() => lab?.stop())

  for (const size of [0, 1, MIB - 1, MIB, MIB + 1, 9 * MIB + 77]) {
    it(`of ${size} bytes come once from the origin and whole to each peer`, async () => {
      const name = `size-${size}`
      const digest = await writeRandomFile(`${nginx.root}/${name}`, size, size)
      for (const [i, peer] of [first, second].entries()) {
        const output = lab.path(`${name}-${i}`)
        const done = await lab.download(nginx.url(name), output, peer).done()
        assert.equal(done.contentLength, size)
        assert.equal(await digestOf(output), digest)
      }
      assert.equal(await nginx.bodyBytes(name), size)
    })
  }

  it('are one task when two URLs have the same digest', async () => {
    const digest = await writeRandomFile(`${nginx.root}/one`, 3 * MIB, 42)
    await writeRandomFile(`${nginx.root}/two`, 3 * MIB, 42)
    const args = ['--digest', `sha256:${digest}`]
    const one = await lab.download(nginx.url('one'), lab.path('one'), first, args).done()
    const two = await lab.download(nginx.url('two'), lab.path('two'), second, args).done()
    assert.equal(one.taskId, two.taskId)
    assert.equal(await digestOf(lab.path('two')), digest)
    assert.equal((await nginx.bodyBytes('one')) + (await nginx.bodyBytes('two')), 3 * MIB)
  })
})
