import assert from 'node:assert/strict'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { TaskId } from '@damselfly/shared'
import { createControlBench, largeContent, type ControlBench } from '../control-bench.ts'
import type { FakePeer } from '../fake-peer.ts'

const URL = 'https://a.example/file'

describe('rules about priorities', () => {
  let bench: ControlBench
  let rulesDirectory: string
  let parent: FakePeer
  let taskId: TaskId
  const terms = { reason: 'nightly builds', expiresAt: null }

  beforeEach(async () => {
    rulesDirectory = await mkdtemp(join(tmpdir(), 'damselfly-rules-'))
    bench = createControlBench({ rulesDirectory })
    parent = bench.peer({ uploadSlots: 1 })
    taskId = parent.announce(URL, largeContent(8))
    bench.peer({ uploadSlots: 0 }).announce(URL, largeContent(8))
  })

  afterEach(async () => {
    await bench.stop()
    await rm(rulesDirectory, { recursive: true })
  })

  const child = async (): Promise<FakePeer> => {
    const peer = bench.peer({ uploadSlots: 0 })
    await peer.register({ url: URL })
    return peer
  }

  it('count more than what a child says, for whom and what they are about, and the child is told', async () => {
    const [first, urgent, other] = [await child(), await child(), bench.peer({ uploadSlots: 0 })]
    await bench.priorityRules.add({ ...terms, priority: 'background', peer: other.id, url: 'https://a.example/*' })
    await other.register({ url: URL })
    assert.equal((await other.whenHeard('taskUpdate', ({ ruledPriority }) => ruledPriority !== '')).ruledPriority, 'background')
    first.want(taskId, 1)
    other.want(taskId, 8, 'foreground')
    urgent.want(taskId, 8, 'foreground')
    first.done(taskId, (await first.whenHeard('assign')).index, parent.id)
    await urgent.whenHeard('assign')
    assert.equal(other.all('assign').length, 0)
    assert.ok(urgent.all('taskUpdate').every(({ ruledPriority }) => ruledPriority === ''))
  })

  it('hold for downloads that run already, and no longer than they last', async () => {
    const [first, second, third] = [await child(), await child(), await child()]
    first.want(taskId, 1)
    second.want(taskId, 8, 'background')
    third.want(taskId, 8, 'foreground')
    const rule = await bench.priorityRules.add({ ...terms, priority: 'background', peer: third.id })
    const raise = await bench.priorityRules.add({ ...terms, priority: 'foreground', peer: second.id })
    assert.equal((await third.whenHeard('taskUpdate', ({ ruledPriority }) => ruledPriority !== '')).ruledPriority, 'background')
    first.done(taskId, (await first.whenHeard('assign')).index, parent.id)
    const { index } = await second.whenHeard('assign')
    assert.equal(third.all('assign').length, 0)
    for (const { id } of [rule, raise]) await bench.priorityRules.remove(id)
    await third.whenHeard('taskUpdate', ({ ruledPriority }) => ruledPriority === 'any')
    second.done(taskId, index, parent.id)
    await third.whenHeard('assign')
    assert.equal(second.all('assign').length, 1)
  })
})
