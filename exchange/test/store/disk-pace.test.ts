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

  it('is not called slow when the thread loses its processor in the middle of an answer, for however long', () => {
    for (let i = 0; i < 50; i++) {
      work(0.1, 8)
      work(120)
    }
    assert.equal(pace.isFast, true)
  })

  it('is slow after a few answers of a disk that seeks', () => {
    work(10, 5)
    assert.equal(pace.isFast, true)
    work(10)
    assert.equal(pace.isFast, false)
  })

  it('is tried again after a while, with one answer, and later each time that it is slow again', () => {
    work(10, 6)
    now += 1000
    assert.equal(pace.isFast, true)
    work(10)
    now += 1999
    assert.equal(pace.isFast, false)
    now += 1
    assert.equal(pace.isFast, true)
    work(0.1, 50)
    work(10, 6)
    now += 1000
    assert.equal(pace.isFast, true)
  })

  it('counts work that failed, and hands its result or error on', () => {
    assert.equal(pace.measure(() => 7), 7)
    const fail = (): void => {
      now += 10
      throw new Error('broken')
    }
    for (let i = 0; i < 6; i++) assert.throws(() => pace.measure(fail), /broken/)
    assert.equal(pace.isFast, false)
  })
})
