import assert from 'node:assert/strict'
import { readdir } from 'node:fs/promises'
import { createHash } from 'node:crypto'
import { generatedContent, type FaultOrigin } from '@damselfly/cdn/testing'
import { assertFailure, digestOf, failsCleanly, Lab, type Daemon, type Supernode } from '@damselfly/test'

const SIZE = 6 * 1024 ** 2 + 3
const SECRET = 'Bearer very-secret-word'
const AUTHORIZED = ['--header', `Authorization: ${SECRET}`]

describe('a content that the origin gives only to some', function () {
  this.timeout(120_000)
  let lab: Lab
  let origin: FaultOrigin
  let supernode: Supernode
  let holder: Daemon
  let other: Daemon
  let url: string
  const digest = createHash('sha256').update(generatedContent(SIZE)).digest('hex')

  before(async () => {
    lab = await Lab.create()
    origin = await lab.faultOrigin()
    url = origin.add('/private', { size: SIZE, requireHeader: ['authorization', SECRET] })
    supernode = await lab.supernode()
    const supernodes = [supernode.address]
    ;[holder, other] = await Promise.all([lab.daemon('holder', { supernodes }), lab.daemon('other', { supernodes })])
  })

  after(() => lab.stop())

  it('comes to whoever shows right credentials', async () => {
    const alone = ['--no-daemon', '--data-dir', lab.path('alone')]
    const exit = await lab.dfget([url, '-o', lab.path('alone-out'), ...alone, ...AUTHORIZED]).exited
    assert.equal(exit.code, 0, exit.stderr)
    assert.equal(await digestOf(lab.path('alone-out')), digest)
    await lab.download(url, lab.path('holder-out'), holder, AUTHORIZED).done()
    assert.equal(await digestOf(lab.path('holder-out')), digest)
  })

  it('comes to nobody else, although the supernode and a peer hold it', async () => {
    const wrong = ['--header', 'Authorization: Bearer guessed']
    const ways = [
      ['--socket', other.socket],
      ['--socket', other.socket, '--no-back-to-source'],
      ['--socket', other.socket, ...wrong],
      // Through the very peer that holds it.
      ['--socket', holder.socket],
      ['--socket', holder.socket, '--no-back-to-source'],
      ['--supernode', supernode.address],
      ['--supernode', supernode.address, ...wrong],
    ]
    for (const way of ways) await failsCleanly(lab, [url, ...way], 'ORIGIN_UNAUTHORIZED')
    const { tasks } = await supernode.get<{ tasks: readonly unknown[] }>('/api/v1/tasks')
    assert.equal(tasks.length, 1)
    assert.equal((await readdir(`${holder.dataDir}/store/tasks`)).length, 1)
    assert.deepEqual(await readdir(`${other.dataDir}/store/tasks`).catch(() => []), [])
  })

  it('comes from the swarm to a second one with credentials of its own', async () => {
    const before = origin.stats('/private').bodyBytes
    const done = await lab.download(url, lab.path('other-out'), other, AUTHORIZED).done()
    assert.equal(await digestOf(lab.path('other-out')), digest)
    assert.equal(done.bytesFrom.origin, 0)
    assert.equal(done.bytesFrom.peers + done.bytesFrom.cdn, SIZE)
    assert.equal(origin.stats('/private').bodyBytes, before)
  })

  it('leaves its credentials in no log, list or metric', async () => {
    const texts = [
      JSON.stringify(await supernode.get('/api/v1/tasks')),
      await supernode.get<string>('/metrics'),
      supernode.program.stderr,
      holder.program.stderr,
      other.program.stderr,
    ]
    for (const text of texts) assert.ok(!text.includes('very-secret-word'))
  })

  it('is not shown to a redirect target on another host', async () => {
    const elsewhere = await lab.faultOrigin()
    const target = elsewhere.add('/target', { size: SIZE })
    const redirecting = origin.add('/redirecting', { redirectTo: target, requireHeader: ['authorization', SECRET] })
    await lab.download(redirecting, lab.path('redirected'), holder, AUTHORIZED).done()
    assert.equal(await digestOf(lab.path('redirected')), digest)
    assert.ok(elsewhere.stats('/target').headers.every(({ authorization }) => authorization === undefined))
    assertFailure(
      await lab.dfget([redirecting, '-o', lab.path('nothing'), '--socket', other.socket]).exited,
      'ORIGIN_UNAUTHORIZED',
    )
  })
})
