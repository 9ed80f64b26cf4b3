import { DeadlineQueue } from '../state/deadline-queue.ts'
import type { Assignment } from '../state/member.ts'
import type { Peer } from '../state/peer.ts'
import type { Wakes } from './wakes.ts'

/** An upload is late after so many times what one from the same parent usually takes. */
const LATE_FACTOR = 3
const SHORTEST_PATIENCE_MS = 500
/** Before the parent's first upload has ended. */
const FIRST_PATIENCE_MS = 1_000
/** Deadlines are rounded up to multiples of this, so that many are met at one tick. */
const GRAIN_MS = 250

/** Where a parent uses fewer slots than it has, one child that stalls must not take the place of others for long. */
export class LateUploads {
  readonly #wakes: Wakes
  readonly #deadlines = new DeadlineQueue<Peer>((peer) => !peer.isWatched)

  constructor(wakes: Wakes) {
    this.#wakes = wakes
  }

  /** An upload of the parent has begun. */
  watch(parent: Peer, now: number): void {
    if (parent.isWatched || !parent.usesFewerSlots) return
    parent.isWatched = true
    this.#deadlines.push(parent, roundUp(now + patienceWith(parent)))
  }

  next(): number | undefined {
    return this.#deadlines.next()
  }

  passTime(now: number): void {
    for (let parent = this.#deadlines.popDue(now); parent !== undefined; parent = this.#deadlines.popDue(now)) {
      const patience = patienceWith(parent)
      const oldest = giveUpLate(parent, now - patience)
      if (parent.update()) this.#wakes.slots.add(parent)
      if (oldest === Infinity) parent.isWatched = false
      else this.#deadlines.push(parent, roundUp(oldest + patience))
    }
  }
}

/** @param before when uploads that are late by now were begun @returns when the first of the others was; infinite without any */
function giveUpLate({ active }: Peer, before: number): number {
  let oldest = Infinity
  for (const { uploads } of active) {
    for (let upload = uploads.first; upload !== undefined; upload = upload.nextUpload) {
      if (upload.late) continue
      if (upload.startedAt > before) oldest = Math.min(oldest, upload.startedAt)
      else giveUp(upload)
    }
  }
  return oldest
}

function giveUp(upload: Assignment): void {
  upload.late = true
  upload.parent.peer.uplink.giveUpOne()
}

function patienceWith({ uplink: { duration } }: Peer): number {
  return duration === undefined ? FIRST_PATIENCE_MS : Math.max(SHORTEST_PATIENCE_MS, LATE_FACTOR * duration)
}

function roundUp(ms: number): number {
  return Math.ceil(ms / GRAIN_MS) * GRAIN_MS
}
