import assert from 'node:assert/strict'
import type { PeerId } from '@damselfly/shared'
import { BackoffBlocklist } from '../src/index.ts'
import { Stage, takes } from './stage.ts'

const CRAWLER = 'crawler'
const PIECES = 60

/** A swarm whose usual pace is known, and a crawler that alone has the last piece. */
function swarmWithCrawler(): Stage {
  const stage = new Stage()
  for (const peer of ['fast', CRAWLER, 'ann', 'bob', 'cat']) stage.joins(peer)
  stage.registers(PIECES)
  stage.has('fast', [...Array(PIECES - 1).keys()])
  const open = [...stage.downloads('cat', 4)]
  for (let line = open.shift(), taken = 0; line !== undefined && taken < 40; line = open.shift(), taken++) {
    const piece = Number(/takes (\d+) from fast/.exec(line)?.[1])
    stage.now += 10
    open.push(...stage.gets('cat', piece, 'fast', 10), ...stage.wants('cat', 1))
  }
  stage.leaves('cat')
  return stage
}

describe('a parent that crawls', () => {
  it('is noticed before its first piece has come through, and passed over by all', () => {
    const stage = swarmWithCrawler()
    stage.has(CRAWLER, [PIECES - 1])
    for (const child of ['ann', 'bob']) {
      assert.ok(stage.downloads(child, PIECES).includes(takes(child, PIECES - 1, CRAWLER)))
    }
    stage.passes(2_500)
    const shunned = stage.scheduler.snapshotBlocklist().filter(({ child }) => child === undefined)
    assert.deepEqual(shunned.map(({ parent, reason }) => [parent, reason]), [[CRAWLER, 'slow']])
  })

  it('is used all the same by those who have nobody else', () => {
    const list = new BackoffBlocklist()
    const stage = new Stage({ policies: { blocklist: list } })
    for (const peer of [CRAWLER, 'ann']) stage.joins(peer)
    stage.registers(2)
    for (const child of ['bob', 'cat'] as PeerId[]) list.failed({ child, parent: CRAWLER as PeerId, parentIsCdn: false, reason: 'slow' }, 0)
    stage.leaves(CRAWLER)
    stage.joins(CRAWLER)
    stage.has(CRAWLER, [0, 1])
    assert.deepEqual(stage.downloads('ann', 2).toSorted(), [takes('ann', 0, CRAWLER), takes('ann', 1, CRAWLER)])
  })

  it('is not used where the CDN has what it has', () => {
    const list = new BackoffBlocklist()
    const stage = new Stage({ policies: { blocklist: list } })
    stage.joins('cdn', { isCdn: true })
    stage.registers(1)
    stage.has('cdn', [0])
    for (const child of ['bob', 'cat'] as PeerId[]) list.failed({ child, parent: CRAWLER as PeerId, parentIsCdn: false, reason: 'slow' }, 0)
    stage.joins(CRAWLER)
    stage.has(CRAWLER, [0])
    stage.joins('ann')
    assert.deepEqual(stage.downloads('ann', 1), [takes('ann', 0, 'cdn')])
  })
})
