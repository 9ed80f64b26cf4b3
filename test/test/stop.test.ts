import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { access, readdir } from 'node:fs/promises'
import { generatedContent, type FaultOrigin } from '@damselfly/cdn/testing'
import { digestOf, Lab, type Exit, type Program, type Supernode } from '@damselfly/test'

const MIB = 1024 ** 2
const SIZE = 12 * MIB + 1
/** Of dfdaemon in this test; milliseconds. */
const GRACE = 3_000

describe('SIGTERM in the middle of transfers', function () {
  this.timeout(120_000)
  const digest = createHash('sha256').update(generatedContent(SIZE)).digest('hex')
  let lab: Lab
  let origin: FaultOrigin
  let supernode: Supernode

  beforeEach(async () => {
    lab = await Lab.create()
    origin = await lab.faultOrigin()
    supernode = await lab.supernode()
  })

  afterEach(() => lab.stop())

  /** Asks it to stop. @returns how it ended, which must not take longer than it may */
  async function terminated(program: Program, withinMs: number): Promise<Exit> {
    const started = performance.now()
    program.kill('SIGTERM')
    const exit = await program.exited
    const took = performance.now() - started
    assert.equal(exit.code, 0, exit.stderr)
    assert.ok(took < withinMs, `${program.name} took ${took} ms`)
    return exit
  }

  it('stops a downloading dfdaemon, whose clients are told and go on with the next one', async () => {
    const url = origin.add('/file', { size: SIZE, pauseAfter: 6 * MIB })
    const settings = { supernodes: [supernode.address] }
    const daemon = await lab.daemon('daemon', settings)
    const download = lab.download(url, lab.path('out'), daemon)
    const { verifiedBytes } = await download.reached(3 * MIB)
    await terminated(daemon.program, 2_000)
    const failure = await download.failed()
    assert.equal(download.program.stderr, '')
    assert.ok(['CANCELLED', 'DAEMON_UNREACHABLE'].includes(failure.code), failure.code)
    await assert.rejects(access(daemon.socket), { code: 'ENOENT' })
    assert.deepEqual((await readdir(lab.directory)).filter((name) => name.startsWith('out')), [])

    origin.resume('/file')
    const next = await lab.daemon('daemon', settings)
    const done = await lab.download(url, lab.path('out'), next).done()
    assert.equal(await digestOf(lab.path('out')), digest)
    assert.ok(done.bytesFrom.held >= verifiedBytes)
    assert.equal(origin.stats('/file').bodyBytes, SIZE)
  })

  it('stops a dfdaemon that uploads within its grace, and its children finish without it', async () => {
    const url = origin.add('/file', { size: SIZE })
    const supernodes = [supernode.address]
    const config = { rates: { upload: '2MiB' }, stopGrace: `${GRACE}ms` }
    const parent = await lab.daemon('parent', { supernodes, config })
    const child = await lab.daemon('child', { supernodes })
    await lab.download(url, lab.path('parent-out'), parent).done()
    const download = lab.download(url, lab.path('child-out'), child)
    await download.received(2 * MIB)
    await terminated(parent.program, GRACE + 2_000)
    const done = await download.done()
    assert.equal(await digestOf(lab.path('child-out')), digest)
    assert.ok(done.bytesFrom.peers > 0)
    assert.equal(done.bytesFrom.origin, 0)
  })

  it('stops a supernode that fetches and sends, and its peers finish without it', async () => {
    const url = origin.add('/file', { size: SIZE, pauseAfter: 6 * MIB })
    const daemon = await lab.daemon('daemon', { supernodes: [supernode.address] })
    const download = lab.download(url, lab.path('out'), daemon)
    await download.reached(3 * MIB)
    await terminated(supernode.program, 7_000)
    origin.resume('/file')
    const done = await download.done()
    assert.equal(await digestOf(lab.path('out')), digest)
    assert.equal(done.backToSource, 'supernode-lost')
    assert.ok(done.bytesFrom.origin <= SIZE - 3 * MIB)

    const again = await lab.supernode()
    assert.equal(again.peerId, supernode.peerId)
  })

  it('ends idle programs at once', async () => {
    const daemon = await lab.daemon('daemon', { supernodes: [supernode.address] })
    await Promise.all([terminated(daemon.program, 2_000), terminated(supernode.program, 2_000)])
  })
})
