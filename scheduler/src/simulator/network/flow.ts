import type { Link } from './link.ts'

/** Bytes on their way over a path of links. Only the network changes it. */
export class Flow {
  readonly path: readonly Link[]
  /** The most that it takes itself, however free the links are; bytes per millisecond. */
  readonly ownLimit: number
  /** Called when its last byte is sent. */
  readonly onSent: () => void
  /** Where it stands in the list of each link of its path. */
  readonly places: number[]
  /** Bytes per millisecond, since `settledAt`. */
  rate = 0
  /** Bytes that were left at `settledAt`. */
  remaining: number
  settledAt: number
  /** When the last byte is sent if the rate stays as it is. */
  endsAt = Infinity
  /** It is no longer in the network. */
  isOver = false
  /** Nobody waits for its end any more. */
  isStopped = false

  constructor(path: readonly Link[], ownLimit: number, bytes: number, now: number, onSent: () => void) {
    this.path = path
    this.ownLimit = ownLimit
    this.places = path.map(() => -1)
    this.remaining = bytes
    this.settledAt = now
    this.onSent = onSent
  }

  setRate(rate: number, now: number): void {
    this.settle(now)
    this.rate = rate
    this.endsAt = rate > 0 ? now + this.remaining / rate : Infinity
  }

  /** Takes what was sent by now off what remains. */
  settle(now: number): void {
    const elapsed = now - this.settledAt
    if (elapsed > 0) this.remaining = Math.max(0, this.remaining - this.rate * elapsed)
    this.settledAt = now
  }

  /** What the rest of its path would let it have; bytes per millisecond. */
  limitBeside(link: Link): number {
    let limit = this.ownLimit
    for (const other of this.path) if (other !== link && other.level < limit) limit = other.level
    return limit
  }
}
