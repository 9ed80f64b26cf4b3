import assert from 'node:assert/strict'
import { createControlBench, largeContent, type ControlBench } from './control-bench.ts'
import type { FakePeer } from './fake-peer.ts'

const URL = 'https://a.example/file'

describe('assignments on their way to a child', () => {
  let bench: ControlBench

  beforeEach(() => {
    bench = createControlBench()
  })
  afterEach(() => bench.stop())

  it('that nobody can carry out any more cost no credit', async () => {
    const content = largeContent(3)
    const [gone, good, child] = [bench.peer(), bench.peer(), bench.peer()]
    const taskId = gone.announce(URL, content)
    good.announce(URL, content)
    await child.register({ url: URL })
    // As in the moment when its channel has ended and the scheduler has not heard so.
    const connected = bench.peers.get(gone.id)
    assert.ok(connected !== undefined)
    bench.peers.remove(connected)
    child.want(taskId, 3)
    await child.whenHeard('assign', () => child.all('assign').length === 3)
    assert.deepEqual([...new Set(child.all('assign').map(({ parent }) => parent))], [good.id])
    assert.deepEqual(new Set(child.all('assign').map(({ index }) => index)), new Set([0, 1, 2]))
    assert.equal(bench.scheduler.stats().inFlight, 3)
    assert.ok(bench.scheduler.snapshotBlocklist().some(({ parent, reason }) => parent === gone.id && reason === 'unreachable'), 'one was meant for it')
  })

  it('go to foreground first, as the children say what they are', async () => {
    const content = largeContent(8)
    const parents = [bench.peer({ uploadSlots: 1 }), bench.peer({ uploadSlots: 0 })] as const
    const taskId = parents[0].announce(URL, content)
    parents[1].announce(URL, content)
    const children: FakePeer[] = []
    for (let nth = 0; nth < 3; nth++) {
      const child = bench.peer({ uploadSlots: 0 })
      await child.register({ url: URL })
      children.push(child)
    }
    const [first, background, foreground] = children as [FakePeer, FakePeer, FakePeer]
    first.want(taskId, 1)
    background.want(taskId, 8, 'background')
    foreground.want(taskId, 8)
    const { index } = await first.whenHeard('assign')
    first.done(taskId, index, parents[0].id)
    const next = await foreground.whenHeard('assign')
    assert.equal(background.all('assign').length, 0)
    // It no longer is what it was when it asked.
    foreground.want(taskId, 0, 'background')
    background.want(taskId, 0, 'foreground')
    foreground.done(taskId, next.index, parents[0].id)
    await background.whenHeard('assign')
    const { decisions } = bench.decisions.query(taskId, { limit: 100 })
    assert.deepEqual(decisions.flatMap((decision) => (decision.type === 'assigned' ? [decision.priority] : [])), ['foreground', 'foreground', 'foreground'])
  })
})
