import assert from 'node:assert/strict'
import { VirtualClock } from '@damselfly/shared'
import { Turns } from '../../src/peer/turns.ts'

const never = new AbortController().signal

describe('turns', () => {
  let clock: VirtualClock
  let turns: Turns
  let begun: number[]

  beforeEach(() => {
    clock = new VirtualClock()
    turns = new Turns({ atOnce: 2, longestMs: 1000, clock })
    begun = []
  })

  /** @returns what ends the n-th one's turn, once it has begun */
  async function take(n: number, signal: AbortSignal = never): Promise<() => void> {
    const end = await turns.take(signal)
    begun.push(n)
    return end
  }

  async function settle(): Promise<void> {
    await new Promise((resolve) => setImmediate(resolve))
  }

  it('are given to so many at once, and to the others in the order of their arrival as turns end', async () => {
    const taken = [0, 1, 2, 3].map((n) => take(n))
    await settle()
    assert.deepEqual(begun, [0, 1])
    assert.equal(turns.waiting, 2)
    const end = await taken[1]
    end?.()
    end?.()
    await settle()
    assert.deepEqual(begun, [0, 1, 2])
    for (const turn of taken) (await turn)()
    assert.deepEqual(begun, [0, 1, 2, 3])
    assert.equal(clock.pending, 0)
  })

  it('end after a while for those who take long, so that they hold up nobody', async () => {
    const taken = [0, 1, 2, 3, 4].map((n) => take(n))
    await settle()
    clock.advance(1000)
    await settle()
    assert.deepEqual(begun, [0, 1, 2, 3])
    // The end of the work changes nothing any more.
    for (const turn of taken.slice(0, 2)) (await turn)()
    await settle()
    assert.equal(turns.waiting, 1)
    clock.advance(1000)
    await settle()
    assert.deepEqual(begun, [0, 1, 2, 3, 4])
  })

  it('are not given to those who gave up waiting', async () => {
    const caller = new AbortController()
    const ends = await Promise.all([take(0), take(1)])
    const [givenUp, patient] = [take(2, caller.signal), take(3)]
    caller.abort(new Error('enough'))
    await assert.rejects(givenUp, /enough/)
    await assert.rejects(turns.take(caller.signal), /enough/)
    for (const end of ends) end()
    await patient
    assert.deepEqual(begun, [0, 1, 3])
  })

  it('are free again for whoever comes later', async () => {
    for (let n = 0; n < 5; n++) (await take(n))()
    await Promise.all([take(5), take(6)])
    assert.deepEqual(begun, [0, 1, 2, 3, 4, 5, 6])
  })
})
