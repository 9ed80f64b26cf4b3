import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { DamselflyError, isDamselflyError } from '@damselfly/shared'
import type { FakeParent } from './fake-parent.ts'
import { PIECE, SwarmBench, type RunningDownload } from './swarm-bench.ts'

describe('a download that may not use the origin', () => {
  let bench: SwarmBench
  let peer: FakeParent

  beforeEach(async () => {
    bench = await SwarmBench.create(randomBytes(3 * PIECE))
    peer = bench.parent()
  })

  afterEach(async () => {
    assert.equal(bench.origin.requests, 0)
    await bench.stop()
  })

  const alive = (): void => bench.tell({})
  const begin = (): RunningDownload => bench.begin({ backToSource: false })
  const hasNoSource = (error: unknown): boolean => isDamselflyError(error, 'NO_SOURCE')

  async function joined(): Promise<RunningDownload> {
    await bench.connect()
    const download = begin()
    await bench.answer()
    await bench.supernode.whenHeard('want')
    bench.introduce(peer)
    return download
  }

  async function loseSupernode(): Promise<void> {
    bench.supernode.refusal = new DamselflyError('SUPERNODE_UNREACHABLE', 'connection refused')
    bench.supernode.drop()
    await bench.until(() => bench.control.state.type === 'disconnected')
  }

  it('fails at once when there is no supernode', async () => {
    bench.supernode.refusal = new DamselflyError('SUPERNODE_UNREACHABLE', 'connection refused')
    await bench.connect()
    await assert.rejects(begin().finished, hasNoSource)
  })

  it('waits for a channel that is being made, and fails when it is not', async () => {
    const dialled = Promise.withResolvers<void>()
    bench.supernode.gate = dialled.promise
    bench.control.start()
    const { finished, task } = begin()
    let isOver = false
    const over = finished.catch(() => (isOver = true))
    await bench.pass(20_000)
    assert.equal(isOver, false)
    bench.supernode.refusal = new DamselflyError('SUPERNODE_UNREACHABLE', 'connection refused')
    dialled.resolve()
    await assert.rejects(finished, hasNoSource)
    await over
    assert.equal(task.progress().backToSource, undefined)
  })

  it('fails with why the supernode refuses', async () => {
    await bench.connect()
    const { finished } = begin()
    await bench.answer({ errorCode: 'SUPERNODE_OVERLOADED' })
    await assert.rejects(finished, (error) => hasNoSource(error) && /supernode-refused: no/.test(String(error)))
  })

  it('fails with the origin’s trouble when that is why the supernode refuses', async () => {
    await bench.connect()
    const { finished } = begin()
    await bench.answer({ errorCode: 'ORIGIN_STATUS' })
    await assert.rejects(finished, (error) => isDamselflyError(error, 'ORIGIN_STATUS'))
  })

  it('fails when the supernode says that only the origin has what is missing', async () => {
    const { finished } = await joined()
    bench.sendBack('no-parent')
    await assert.rejects(finished, (error) => hasNoSource(error) && /no-parent/.test(String(error)))
  })

  it('waits for a supernode that is slow or silent', async () => {
    await bench.connect()
    const { finished } = begin()
    await bench.supernode.whenHeard('register')
    await bench.pass(60_000)
    await bench.answer()
    await bench.supernode.whenHeard('want')
    await bench.pass(60_000)
    bench.introduce(peer)
    bench.assign(peer, 0, 1, 2)
    bench.tellManifest()
    await bench.assertContent(await finished)
  })

  it('gives up after five minutes without a piece, whatever the supernode says', async () => {
    const { finished } = await joined()
    bench.assign(peer, 0)
    await bench.supernode.whenHeard('pieceDone')
    let isOver = false
    const failed = assert.rejects(finished, hasNoSource).then(() => (isOver = true))
    await bench.pass(290_000, alive)
    assert.equal(isOver, false)
    await bench.pass(20_000, alive)
    await failed
  })

  it('takes from parents that it knows what they have when the supernode is lost', async () => {
    const { finished, task } = await joined()
    bench.tellDigests(0, 1, 2)
    bench.assign(peer, 0)
    await bench.supernode.whenHeard('pieceDone')
    await loseSupernode()
    await bench.assertContent(await finished)
    assert.equal(task.progress().backToSource, undefined)
  })

  it('waits half a minute for a lost supernode', async () => {
    const { finished } = await joined()
    let isOver = false
    const failed = assert.rejects(finished, hasNoSource).then(() => (isOver = true))
    await loseSupernode()
    await bench.pass(29_000)
    assert.equal(isOver, false)
    await bench.pass(1500)
    await failed
  })

  it('goes on when the lost supernode comes back, and waits as long at the next loss', async () => {
    const { finished } = await joined()
    for (let registrations = 2; registrations <= 4; registrations++) {
      await loseSupernode()
      await bench.pass(20_000)
      bench.supernode.refusal = undefined
      await bench.passUntil(() => bench.supernode.all('register').length === registrations)
      await bench.answer()
      await bench.supernode.whenHeard('want', registrations)
    }
    bench.introduce(peer)
    bench.assign(peer, 0, 1, 2)
    bench.tellManifest()
    await bench.assertContent(await finished)
  })

  it('fails when the supernode that comes back refuses', async () => {
    const { finished } = await joined()
    await loseSupernode()
    bench.supernode.refusal = undefined
    await bench.passUntil(() => bench.supernode.all('register').length === 2)
    await bench.answer({ errorCode: 'SUPERNODE_OVERLOADED' })
    await assert.rejects(finished, hasNoSource)
  })

  it('notices a frozen supernode, asks the parents that it knows, and fails half a minute later', async () => {
    const { finished, task } = await joined()
    bench.tellDigests(1)
    bench.assign(peer, 0)
    await bench.supernode.whenHeard('pieceDone')
    bench.supernode.isFrozen = true
    bench.supernode.refusal = new DamselflyError('SUPERNODE_UNREACHABLE', 'timed out')
    const failed = assert.rejects(finished, hasNoSource)
    await bench.pass(5000)
    await bench.until(() => task.progress().verifiedBytes === 2 * PIECE)
    // A peer that has nothing to say asks its supernode seldom.
    await bench.pass(75_000)
    await failed
  })
})
