import assert from 'node:assert/strict'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { taskIdFromBytes, taskIdToBytes } from '@damselfly/shared'
import { createControlBench, largeContent, settle, type ControlBench } from '../control-bench.ts'
import { digestOf } from '../fake-cdn.ts'
import { FakePeer } from '../fake-peer.ts'

const URL_A = 'https://a.example/file'
const URL_B = 'https://b.example/file'

describe('a supernode with rules', () => {
  let bench: ControlBench
  let rulesDirectory: string
  const terms = { reason: 'licence expired', expiresAt: null }

  beforeEach(async () => {
    rulesDirectory = await mkdtemp(join(tmpdir(), 'damselfly-rules-'))
    bench = createControlBench({ rulesDirectory })
    bench.cdn.contents.set(URL_A, largeContent(3))
    bench.cdn.contents.set(URL_B, largeContent(3))
  })

  afterEach(async () => {
    await bench.stop()
    await rm(rulesDirectory, { recursive: true })
  })

  it('refuses a download that a rule forbids, with its reason, and no other', async () => {
    const rule = await bench.blockRules.add({ ...terms, direction: 'download', url: 'https://a.example/*' })
    const peer = bench.peer()
    const refused = await peer.register({ url: URL_A })
    assert.equal(refused.errorCode, 'BLOCKED')
    assert.match(refused.errorMessage, /licence expired/)
    assert.ok(refused.errorMessage.includes(rule.id))
    assert.equal(bench.cdn.obtained.length, 0)
    assert.equal((await peer.register({ url: URL_B })).errorCode, '')
    await bench.blockRules.remove(rule.id)
    assert.equal((await peer.register({ url: URL_A })).errorCode, '')
  })

  it('blocks by the address that a peer comes from', async () => {
    await bench.blockRules.add({ ...terms, direction: 'download', addresses: '198.51.100.0/24' })
    const [near, far] = ['198.51.100.7:4000', '203.0.113.7:4000'].map((address) => FakePeer.greet(bench.control, {}, undefined, address))
    assert.equal((await near?.register({ url: URL_A }))?.errorCode, 'BLOCKED')
    assert.equal((await far?.register({ url: URL_A }))?.errorCode, '')
  })

  it('ends a running download at once, and only that', async () => {
    const [tagged, other] = [bench.peer(), bench.peer()]
    bench.cdn.contents.set(`${URL_A}?2`, largeContent(3))
    const taskId = (await tagged.register({ url: URL_A, tag: 'x' })).taskId
    await other.register({ url: URL_B })
    await bench.blockRules.add({ ...terms, direction: 'download', tag: 'x' })
    const news = await tagged.whenHeard('taskUpdate', ({ errorCode }) => errorCode !== '')
    assert.deepEqual([news.errorCode, Buffer.from(news.taskId)], ['BLOCKED', Buffer.from(taskId)])
    await settle()
    assert.ok(other.all('taskUpdate').every(({ errorCode }) => errorCode === ''))
    assert.equal(bench.tasks.get(taskIdFromBytes(taskId))?.swarm.hasChildren, false)
  })

  it('takes a blocked uploader’s assignments back and uses it no more, while it may still download', async () => {
    const content = largeContent(3)
    bench.cdn.contents.delete(URL_A)
    const [bad, good] = [bench.peer({ uploadSlots: 2 }), bench.peer({ uploadSlots: 2 })]
    const taskId = bad.announce(URL_A, content)
    good.announce(URL_A, content)
    const child = bench.peer()
    await child.register({ url: URL_A })
    child.want(taskId, 3)
    await child.whenHeard('assign', () => child.all('assign').length === 3)
    const fromBad = child.all('assign').filter(({ parent }) => parent === bad.id)
    assert.ok(fromBad.length > 0)
    const rule = await bench.blockRules.add({ ...terms, direction: 'upload', peer: bad.id })
    await child.whenHeard('cancelPiece', () => child.all('cancelPiece').length === fromBad.length)
    for (const { index } of child.all('cancelPiece')) child.failed(taskId, index, bad.id, 'CANCELLED')
    for (const { index } of child.all('assign').filter(({ parent }) => parent === good.id)) child.done(taskId, index, good.id)
    await child.whenHeard('assign', () => child.all('assign').length === 3 + fromBad.length)
    assert.ok(child.all('assign').slice(3).every(({ parent }) => parent === good.id))
    // It may download all the same.
    assert.equal((await bad.register({ url: URL_B })).errorCode, '')
    bench.cdn.tasks.get(taskIdFromBytes((await bad.register({ url: URL_B })).taskId))?.finish()
    // And is a parent again when the rule goes.
    await bench.blockRules.remove(rule.id)
    const next = bench.peer()
    await next.register({ url: URL_A })
    next.want(taskId, 3)
    await next.whenHeard('assign', ({ parent }) => parent === bad.id)
  })

  it('does not make a parent of a blocked uploader that joins or finds pieces later', async () => {
    await bench.blockRules.add({ ...terms, direction: 'upload', url: 'https://a.example/*' })
    const [first, second] = [bench.peer(), bench.peer()]
    const taskId = taskIdFromBytes((await first.register({ url: URL_A })).taskId)
    const task = bench.cdn.tasks.get(taskId)
    task?.finish()
    first.want(taskId, 3)
    await first.whenHeard('assign', () => first.all('assign').length === 3)
    for (const { index } of first.all('assign')) first.done(taskId, index, bench.identity.peerId)
    await settle()
    await second.register({ url: URL_A })
    second.want(taskId, 3)
    for (let nth = 1; nth <= 3; nth++) {
      await second.whenHeard('assign', () => second.all('assign').length >= nth)
      second.done(taskId, second.all('assign').at(nth - 1)?.index ?? 0, bench.identity.peerId)
    }
    assert.ok(second.all('assign').every(({ parent }) => parent === bench.identity.peerId))
    assert.deepEqual(Buffer.from(second.digests.get(0) ?? []), Buffer.from(digestOf(largeContent(3), 0)))
    second.say({ case: 'leaveTask', value: { taskId: taskIdToBytes(taskId) } })
  })

  it('tells its peers the rates that rules give them', async () => {
    const before = bench.peer()
    await bench.rateRules.add({ reason: '', expiresAt: null, together: false, upload: 1000, origin: 50 })
    const after = bench.peer()
    for (const peer of [before, after]) {
      const { upload, download, origin } = await peer.whenHeard('setRate')
      assert.deepEqual([upload, download, origin], [1000n, 0n, 50n])
    }
  })
})
