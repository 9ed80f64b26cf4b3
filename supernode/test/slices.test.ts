import assert from 'node:assert/strict'
import { setImmediate as nextTurn } from 'node:timers/promises'
import { VirtualClock } from '@damselfly/shared'
import { Slices } from '../src/control/slices.ts'

describe('slices of work', () => {
  it('are done at once as long as they take next to nothing', () => {
    const { slices, done } = start()
    for (let n = 0; n < 100; n++) slices.run(() => done.push(n))
    assert.equal(done.length, 100)
  })

  it('end after a while, and the rest is done in later turns and in order', async () => {
    const { slices, done, clock } = start()
    for (let n = 0; n < 7; n++) {
      slices.run(() => {
        done.push(n)
        clock.advance(1)
      })
    }
    assert.deepEqual(done, [0, 1])
    await nextTurn()
    assert.deepEqual(done, [0, 1, 2, 3])
    slices.run(() => done.push(7))
    assert.deepEqual(done, [0, 1, 2, 3], 'who comes later waits for those before')
    await nextTurn()
    await nextTurn()
    assert.deepEqual(done, [0, 1, 2, 3, 4, 5, 6, 7])
  })

  it('begin anew in a turn in which nothing waits', async () => {
    const { slices, done, clock } = start()
    slices.run(() => clock.advance(10))
    await nextTurn()
    slices.run(() => done.push(1))
    assert.deepEqual(done, [1])
  })

  it('can be given up', async () => {
    const { slices, done, clock } = start()
    slices.run(() => clock.advance(10))
    slices.run(() => done.push(1))
    slices.clear()
    await nextTurn()
    assert.deepEqual(done, [])
  })
})

function start(): { readonly slices: Slices; readonly done: number[]; readonly clock: VirtualClock } {
  const clock = new VirtualClock()
  return { slices: new Slices(clock), done: [], clock }
}
