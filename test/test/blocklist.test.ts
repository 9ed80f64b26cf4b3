import assert from 'node:assert/strict'
import { pause, systemClock } from '@damselfly/shared'
import { digestOf, Lab, type Daemon, type Supernode } from '@damselfly/test'
import type { FaultOrigin } from '@damselfly/cdn/testing'

const MIB = 1024 ** 2
const SIZE = 8 * MIB

interface Rule {
  readonly id: string
  readonly reason: string
  readonly url?: string
}

describe('rules that block, between real programs', function () {
  this.timeout(120_000)
  let lab: Lab
  let origin: FaultOrigin
  let supernode: Supernode
  let first: Daemon
  let second: Daemon

  before(async () => {
    lab = await Lab.create()
    origin = await lab.faultOrigin()
    supernode = await lab.supernode()
    first = await lab.daemon('first', { supernodes: [supernode.address] })
    second = await lab.daemon('second', { supernodes: [supernode.address] })
  })

  after(() => lab.stop())

  const block = (rule: Record<string, unknown>): Promise<Rule> => supernode.send<Rule>('POST', '/api/v1/blocklist/rules', rule)
  const allow = (rule: Rule): Promise<unknown> => supernode.send('DELETE', `/api/v1/blocklist/rules/${rule.id}`)

  it('fail a download with a stable code and their reason, also after a restart, and do not send it to the origin', async () => {
    const url = origin.add('/forbidden/file', { size: SIZE })
    const rule = await block({ direction: 'download', url: '*/forbidden/*', reason: 'not licensed for this site' })
    await supernode.program.stop()
    supernode = await lab.supernode()
    const { rules } = await supernode.get<{ rules: Rule[] }>('/api/v1/blocklist/rules')
    assert.deepEqual(rules.map(({ id, url: pattern }) => [id, pattern]), [[rule.id, '*/forbidden/*']])
    await connected(first)
    const { code, message, exitCode } = await lab.download(url, lab.path('forbidden'), first).failed()
    assert.deepEqual([code, exitCode], ['BLOCKED', 8])
    assert.match(message, /not licensed for this site/)
    assert.equal(origin.stats('/forbidden/file').gets, 0)
    await allow(rule)
    await lab.download(url, lab.path('forbidden'), first).done()
  })

  it('end a running download at once', async () => {
    const url = origin.add('/running', { size: SIZE, seed: 3 })
    const running = lab.download(url, lab.path('running'), second, ['--tag', 'x', '--limit-rate', '500kB'])
    await running.received(1)
    const rule = await block({ direction: 'download', tag: 'x', reason: 'enough' })
    const { code, message } = await running.failed()
    assert.equal(code, 'BLOCKED', message)
    await allow(rule)
  })

  it('keep a peer from being a parent, but not from downloading', async () => {
    const url = origin.add('/shared', { size: SIZE, seed: 4 })
    await lab.download(url, lab.path('shared'), first).done()
    const rule = await block({ direction: 'upload', peer: first.peerId })
    const around = await lab.download(url, lab.path('around'), second).done()
    assert.deepEqual([around.bytesFrom.peers, around.bytesFrom.cdn], [0, SIZE])
    assert.equal(await digestOf(lab.path('around')), await digestOf(lab.path('shared')))
    await lab.download(origin.add('/own', { size: SIZE, seed: 5 }), lab.path('own'), first).done()
    await allow(rule)
  })

  it('are refused when they make no sense, with what is wrong', async () => {
    for (const rule of [{}, { direction: 'upload' }, { direction: 'sideways', peer: 'a' }, { direction: 'upload', addresses: '1.2.3.4/99' }]) {
      await assert.rejects(block(rule), /400.*USAGE/s)
    }
    await assert.rejects(supernode.send('DELETE', '/api/v1/blocklist/rules/none'), /404.*RULE_NOT_FOUND/s)
  })

  /** The daemon has found the supernode again. */
  async function connected(daemon: Daemon): Promise<void> {
    for (;;) {
      const { supernode: state } = await daemon.call<{ supernode: { type: string } }>('GET', '/api/v1/status')
      if (state.type === 'connected') return
      await pause(systemClock, 50)
    }
  }
})
