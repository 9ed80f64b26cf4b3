import { DeadlineQueue } from '../state/deadline-queue.ts'
import type { Member } from '../state/member.ts'
import { isIdle } from '../state/waiting-room.ts'
import type { Wakes } from './wakes.ts'

/** So long a child with nothing under way waits for a copy in its own location. */
const PATIENCE_MS = 10_000

/** Nobody idles for ever for the sake of a thin line: a near copy may be with somebody who is busy, or does not send. */
export class Patience {
  readonly #wakes: Wakes
  readonly #deadlines = new DeadlineQueue<Member>(({ child }, at) => {
    return child?.idleSince === undefined || child.idleSince + PATIENCE_MS !== at
  })

  constructor(wakes: Wakes) {
    this.#wakes = wakes
  }

  /** The child could not be served now. */
  watch(member: Member, now: number): void {
    const { child } = member
    if (member.local === undefined || !isIdle(member) || child === undefined || child.idleSince !== undefined) return
    child.idleSince = now
    this.#deadlines.push(member, now + PATIENCE_MS)
  }

  next(): number | undefined {
    return this.#deadlines.next()
  }

  passTime(now: number): void {
    for (let member = this.#deadlines.popDue(now); member !== undefined; member = this.#deadlines.popDue(now)) {
      if (member.child === undefined) continue
      member.child.isPatienceOver = true
      this.#wakes.children.add(member)
    }
  }
}
