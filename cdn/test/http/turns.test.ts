import assert from 'node:assert/strict'
import { Turns } from '../../src/http/turns.ts'

describe('turns', () => {
  const never = new AbortController().signal

  it('are given in order, so many at once', async () => {
    const turns = new Turns(2)
    const begun: number[] = []
    const waits = [0, 1, 2, 3].map((who) => turns.begin(never).then(() => begun.push(who)))
    await Promise.all(waits.slice(0, 2))
    assert.deepEqual(begun, [0, 1])
    turns.end()
    await waits[2]
    assert.deepEqual(begun, [0, 1, 2])
    turns.end()
    await waits[3]
  })

  it('pass by who has left', async () => {
    const turns = new Turns(1)
    await turns.begin(never)
    const leaving = new AbortController()
    const left = turns.begin(leaving.signal)
    const next = turns.begin(never)
    const reason = new Error('left')
    leaving.abort(reason)
    await assert.rejects(left, reason)
    turns.end()
    await next
    turns.end()
    await turns.begin(never)
  })
})
