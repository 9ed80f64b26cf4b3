import assert from 'node:assert/strict'
import { setImmediate as nextTurn } from 'node:timers/promises'
import { VirtualClock } from '@damselfly/shared'
import { FairTurns } from '../src/control/fair-turns.ts'

describe('fair turns', () => {
  it('are had at once as long as they take next to nothing', () => {
    const { turns, done } = start()
    for (let n = 0; n < 100; n++) turns.run('a', () => done.push(n))
    assert.equal(done.length, 100)
  })

  it('end after a while, and the rest is done in later turns of the event loop and in order', async () => {
    const { turns, done, clock } = start()
    for (let n = 0; n < 7; n++) turns.run('a', slow(clock, () => done.push(n)))
    assert.deepEqual(done, [0, 1])
    await nextTurn()
    assert.deepEqual(done, [0, 1, 2, 3])
    turns.run('a', () => done.push(7))
    assert.deepEqual(done, [0, 1, 2, 3], 'who comes later waits for those before')
    await nextTurn()
    await nextTurn()
    assert.deepEqual(done, [0, 1, 2, 3, 4, 5, 6, 7])
  })

  it('are shared by those who wait, however much one of them wants', async () => {
    const { turns, done, clock } = start()
    for (let n = 0; n < 100; n++) turns.run('greedy', slow(clock, () => done.push(n)))
    for (let n = 1000; n < 1002; n++) turns.run('modest', slow(clock, () => done.push(n)))
    await nextTurn()
    await nextTurn()
    assert.deepEqual(done, [0, 1, 2, 1000, 3, 1001])
  })

  it('are not had by who is to wait, while others have theirs', async () => {
    const { turns, done, clock, waits } = start()
    waits.set('greedy', 100)
    for (const n of [1, 2]) turns.run('greedy', () => done.push(n))
    turns.run('modest', () => done.push(3))
    assert.deepEqual(done, [3])
    await nextTurn()
    assert.deepEqual(done, [3])
    assert.equal(clock.pending, 1, 'nobody looks again before the time')
    waits.delete('greedy')
    clock.advance(100)
    await nextTurn()
    assert.deepEqual(done, [3, 1, 2])
    assert.equal(clock.pending, 0)
  })

  it('begin anew in a turn in which nothing waits', async () => {
    const { turns, done, clock } = start()
    turns.run('a', () => clock.advance(10))
    await nextTurn()
    turns.run('a', () => done.push(1))
    assert.deepEqual(done, [1])
  })

  it('can be given up, for one and for all', async () => {
    const { turns, done, clock } = start()
    turns.run('a', () => clock.advance(10))
    for (const n of [1, 2]) turns.run('a', () => done.push(n))
    turns.run('b', () => done.push(3))
    turns.forget('a')
    await nextTurn()
    assert.deepEqual(done, [3])
    turns.run('a', () => clock.advance(10))
    turns.run('a', () => done.push(1))
    turns.clear()
    await nextTurn()
    assert.deepEqual(done, [3])
  })
})

function start(): { readonly turns: FairTurns<string>; readonly done: number[]; readonly clock: VirtualClock; readonly waits: Map<string, number> } {
  const clock = new VirtualClock()
  const waits = new Map<string, number>()
  return { turns: new FairTurns<string>({ clock, waitOf: (who) => waits.get(who) ?? 0 }), done: [], clock, waits }
}

function slow(clock: VirtualClock, work: () => void): () => void {
  return () => {
    work()
    clock.advance(1)
  }
}
