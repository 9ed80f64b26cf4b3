import { DamselflyError, type Clock, type PeerId } from '@damselfly/shared'
import type { Lane, PieceBytes } from '../lane/lane.ts'
import { LEAST_PROGRESS, type ParentProgress } from './parent-progress.ts'
import type { PieceDeadline } from './piece-deadline.ts'

type WatchedLane = Pick<Lane, 'isHeldBack' | 'receivedBytes'>

export interface StallWatch {
  /** Aborted with TIMEOUT when the parent does not get on. */
  readonly signal: AbortSignal
  /** Notes what passes. While `sink` is busy it is this side that keeps the parent waiting. */
  watching(sink: PieceBytes): PieceBytes
  /** While the lane is held back, too. What it brings for other downloads is a sign of life as well: the parent sends one piece after the other. */
  watchLane(lane: WatchedLane): void
  end(): void
}

export interface StallWatchContext {
  readonly clock: Clock
  readonly deadline: PieceDeadline
  readonly progress: ParentProgress
}

/** Watches over one piece from one parent, from now on. */
export function watchForStall({ clock, deadline, progress }: StallWatchContext, parent: PeerId, index: number): StallWatch {
  const controller = new AbortController()
  let busySinks = 0
  let lane: WatchedLane | undefined
  let seenBytes = 0
  const lookIn = (ms: number): (() => void) => clock.after(ms, look)
  /** Since the last look. */
  const gotOn = (): boolean => {
    const { receivedBytes = 0 } = lane ?? {}
    const isAlive = receivedBytes - seenBytes >= LEAST_PROGRESS
    if (isAlive) seenBytes = receivedBytes
    return isAlive
  }
  const look = (): void => {
    const hasBrought = gotOn()
    const left = progress.lastAt(parent) + deadline.deadline - clock.now()
    if (left > 0) cancel = lookIn(left)
    else if (hasBrought || busySinks > 0 || lane?.isHeldBack === true) cancel = lookIn(deadline.deadline)
    else controller.abort(new DamselflyError('TIMEOUT', `piece ${index}: ${parent} stalled`))
  }
  const settled = (): void => {
    busySinks--
  }
  progress.started(parent, clock.now())
  let cancel = lookIn(deadline.deadline)
  return {
    signal: controller.signal,
    watching: (sink) => (bytes) => {
      progress.received(parent, bytes.length, clock.now())
      const pending = sink(bytes)
      if (pending === undefined) return
      busySinks++
      pending.then(settled, settled)
      return pending
    },
    watchLane: (opened) => {
      lane = opened
      seenBytes = opened.receivedBytes
    },
    end: () => cancel(),
  }
}
