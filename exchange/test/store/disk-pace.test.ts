import assert from 'node:assert/strict'
import { DiskPace } from '../../src/store/disk-pace.ts'

describe('the pace of the disk', () => {
  let now: number
  let pace: DiskPace

  beforeEach(() => {
    now = 0
    pace = new DiskPace({ now: () => now })
  })

  const work = (ms: number): void => pace.measure(() => void (now += ms))

  it('is fast until it has been slow', () => {
    work(1)
    assert.equal(pace.isFast, true)
    work(50)
    assert.equal(pace.isFast, false)
  })

  it('is tried again after a while, and later each time that it is slow again', () => {
    work(50)
    now += 1000
    assert.equal(pace.isFast, true)
    work(50)
    now += 1999
    assert.equal(pace.isFast, false)
    now += 1
    assert.equal(pace.isFast, true)
    work(1)
    work(50)
    now += 1000
    assert.equal(pace.isFast, true)
  })

  it('counts work that failed, and hands its result or error on', () => {
    assert.equal(pace.measure(() => 7), 7)
    assert.throws(() => pace.measure(() => {
      now += 50
      throw new Error('broken')
    }), /broken/)
    assert.equal(pace.isFast, false)
  })
})
