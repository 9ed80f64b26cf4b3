import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { generatedContent, type FaultOrigin } from '@damselfly/cdn/testing'
import { digestOf, Lab, type Daemon, type Supernode } from '@damselfly/test'

const SIZE = 6 * 1024 ** 2 + 1

describe('many who want the same at once', function () {
  this.timeout(120_000)
  const digest = createHash('sha256').update(generatedContent(SIZE)).digest('hex')
  let lab: Lab
  let origin: FaultOrigin
  let supernode: Supernode
  let one: Daemon
  let other: Daemon

  before(async () => {
    lab = await Lab.create()
    origin = await lab.faultOrigin()
    supernode = await lab.supernode()
    const supernodes = [supernode.address]
    ;[one, other] = await Promise.all([lab.daemon('one', { supernodes }), lab.daemon('other', { supernodes })])
  })

  after(() => lab.stop())

  /** Each path asks on its own; the origin holds back until all of them are in. */
  async function together(path: string, daemons: readonly Daemon[], url: string): Promise<void> {
    const downloads = daemons.map((daemon, i) => lab.download(url, lab.path(`${path.slice(1)}-${i}`), daemon))
    const all = Promise.all(downloads.map((download) => download.done()))
    await Promise.race([all, Promise.all(downloads.map((download) => download.received(1)))])
    origin.resume(path)
    for (const { contentLength } of await all) assert.equal(contentLength, SIZE)
    for (const i of daemons.keys()) assert.equal(await digestOf(lab.path(`${path.slice(1)}-${i}`)), digest)
  }

  it('through two dfdaemons are one request to the origin', async () => {
    const url = origin.add('/two-daemons', { size: SIZE, pauseAfter: 2 * 1024 ** 2 })
    await together('/two-daemons', [one, other], url)
    const { gets, bodyBytes } = origin.stats('/two-daemons')
    assert.equal(gets, 1)
    assert.equal(bodyBytes, SIZE)
  })

  it('through one dfdaemon are one download', async () => {
    const url = origin.add('/one-daemon', { size: SIZE, pauseAfter: 2 * 1024 ** 2 })
    const before = await supernode.metric('damselfly_registrations_total{result="ok"}')
    await together('/one-daemon', [one, one], url)
    assert.equal(origin.stats('/one-daemon').gets, 1)
    assert.equal(await supernode.metric('damselfly_registrations_total{result="ok"}'), before + 1)
  })

  it('through a dfdaemon without a supernode are one download too', async () => {
    const lonely = await lab.daemon('lonely')
    const url = origin.add('/lonely', { size: SIZE, pauseAfter: 2 * 1024 ** 2 })
    await together('/lonely', [lonely, lonely], url)
    assert.equal(origin.stats('/lonely').bodyBytes, SIZE)
  })

  it('twenty of them, and a crowd of other contents beside, take each byte from the origin once', async () => {
    const urls = Array.from({ length: 4 }, (_, i) => origin.add(`/crowd-${i}`, { size: SIZE }))
    const downloads = Array.from({ length: 20 }, async (_, i) => {
      const output = lab.path(`crowd-${i}`)
      const done = await lab.download(urls[i % 4] ?? '', output, i % 8 < 4 ? one : other).done()
      assert.equal(done.bytesFrom.origin, 0)
      assert.equal(await digestOf(output), digest)
    })
    await Promise.all(downloads)
    for (let i = 0; i < 4; i++) {
      const { gets, bodyBytes } = origin.stats(`/crowd-${i}`)
      assert.equal(gets, 1)
      assert.equal(bodyBytes, SIZE)
    }
  })
})
