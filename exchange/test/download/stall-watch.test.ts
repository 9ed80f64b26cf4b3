import assert from 'node:assert/strict'
import { isDamselflyError, VirtualClock, type PeerId } from '@damselfly/shared'
import { ParentProgress } from '../../src/download/parent-progress.ts'
import { PieceDeadline } from '../../src/download/piece-deadline.ts'
import { watchForStall, type StallWatch } from '../../src/download/stall-watch.ts'

const PARENT = '12D3KooWparent' as PeerId
const KIB = 1024

describe('the watch over a piece', () => {
  let clock: VirtualClock
  let progress: ParentProgress
  let watch: StallWatch

  beforeEach(() => {
    clock = new VirtualClock()
    progress = new ParentProgress()
    watch = begin()
  })

  afterEach(() => {
    watch.end()
    assert.equal(clock.pending, 0)
  })

  function begin(): StallWatch {
    return watchForStall({ clock, deadline: new PieceDeadline(), progress }, PARENT, 1)
  }

  const isOver = (): boolean => watch.signal.aborted

  it('ends after a deadline without a byte', () => {
    clock.advance(9_999)
    assert.equal(isOver(), false)
    clock.advance(1)
    assert.ok(isDamselflyError(watch.signal.reason, 'TIMEOUT'))
  })

  it('goes on as long as enough comes', () => {
    const take = watch.watching(() => undefined)
    for (let second = 0; second < 100; second++) {
      clock.advance(1000)
      void take(new Uint8Array(4 * KIB))
    }
    assert.equal(isOver(), false)
    clock.advance(20_000)
    assert.equal(isOver(), true)
  })

  it('goes on when only another piece of the same parent gets on', () => {
    const other = begin()
    const take = other.watching(() => undefined)
    for (let second = 0; second < 30; second++) {
      clock.advance(1000)
      void take(new Uint8Array(16 * KIB))
    }
    assert.equal(isOver(), false)
    other.end()
  })

  it('goes on while the lane brings pieces of other downloads, which come before this one', () => {
    const lane = { isHeldBack: false, receivedBytes: 5 * KIB * KIB }
    watch.watchLane(lane)
    for (let second = 0; second < 100; second++) {
      clock.advance(1000)
      lane.receivedBytes += 4 * KIB
    }
    assert.equal(isOver(), false)
    clock.advance(20_000)
    assert.equal(isOver(), true)
  })

  it('gives a parent that was idle for long its whole deadline', () => {
    void watch.watching(() => undefined)(new Uint8Array(16 * KIB))
    watch.end()
    clock.advance(100_000)
    watch = begin()
    clock.advance(9_999)
    assert.equal(isOver(), false)
    clock.advance(1)
    assert.equal(isOver(), true)
  })

  it('does not blame the parent for a disk that is slow', async () => {
    const disk = Promise.withResolvers<void>()
    const taken = watch.watching(() => disk.promise)(new Uint8Array(16 * KIB))
    clock.advance(60_000)
    assert.equal(isOver(), false)
    disk.resolve()
    await taken
    clock.advance(20_000)
    assert.equal(isOver(), true)
  })

  it('hands on what the sink fails with', async () => {
    const full = new Error('full')
    await assert.rejects(Promise.resolve(watch.watching(() => Promise.reject(full))(new Uint8Array(1))), full)
    clock.advance(10_000)
    assert.equal(isOver(), true)
  })
})
