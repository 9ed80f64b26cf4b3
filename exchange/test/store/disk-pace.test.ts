import assert from 'node:assert/strict'
import { DiskPace } from '../../src/store/disk-pace.ts'

describe('the pace of the disk', () => {
  let now: number
  let pace: DiskPace

  beforeEach(() => {
    now = 0
    pace = new DiskPace({ now: () => now })
  })

  const work = (ms: number, times = 1): void => {
    for (let i = 0; i < times; i++) pace.measure(() => void (now += ms))
  }

  it('is fast while the page cache answers', () => {
    work(0.1, 100)
    assert.equal(pace.isFast, true)
  })

  it('is not called slow for one answer that came late among many', () => {
    work(0.1, 50)
    work(8)
    work(0.1, 50)
    assert.equal(pace.isFast, true)
  })

  it('is slow after a few answers of a disk that seeks, or one of a disk that hangs', () => {
    work(10, 2)
    assert.equal(pace.isFast, false)
    const other = new DiskPace({ now: () => now })
    other.measure(() => void (now += 200))
    assert.equal(other.isFast, false)
  })

  it('is tried again after a while, and later each time that it is slow again', () => {
    work(200)
    now += 1000
    assert.equal(pace.isFast, true)
    work(200)
    now += 1999
    assert.equal(pace.isFast, false)
    now += 1
    assert.equal(pace.isFast, true)
    work(0.1, 10)
    work(200)
    now += 1000
    assert.equal(pace.isFast, true)
  })

  it('counts work that failed, and hands its result or error on', () => {
    assert.equal(pace.measure(() => 7), 7)
    const fail = (): void => {
      now += 200
      throw new Error('broken')
    }
    assert.throws(() => pace.measure(fail), /broken/)
    assert.equal(pace.isFast, false)
  })
})
