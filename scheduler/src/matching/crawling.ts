import { DeadlineQueue } from '../state/deadline-queue.ts'
import type { Assignment } from '../state/member.ts'
import type { Blocks } from './blocks.ts'

/** Until it is looked at for the first time; milliseconds. */
const FIRST_LOOK_MS = 2_500
/** And again, as long as nothing can be said of it. */
const NEXT_LOOK_MS = 1_000
/** An upload that goes on for longer is its child's to give up; milliseconds. */
const LAST_LOOK_MS = 60_000
/** It takes so many times longer than the swarm's usual transfers. */
const FACTOR = 8

/**
 * Watches uploads of parents of which nothing good is known: those that have finished none, and those that were too slow
 * before. One that crawls would otherwise be noticed only when a piece has come through, and others wait for it meanwhile.
 */
export class Crawling {
  readonly #blocks: Blocks
  readonly #deadlines = new DeadlineQueue<Assignment>(({ ended, forsaken }) => ended || forsaken)

  constructor(blocks: Blocks) {
    this.#blocks = blocks
  }

  watch(upload: Assignment, now: number): void {
    const { peer } = upload.parent
    if (peer.isCdn || (peer.rate !== undefined && !peer.hasCrawled)) return
    this.#deadlines.push(upload, now + FIRST_LOOK_MS)
  }

  next(): number | undefined {
    return this.#deadlines.next()
  }

  passTime(now: number): void {
    for (let upload = this.#deadlines.popDue(now); upload !== undefined; upload = this.#deadlines.popDue(now)) {
      if (crawls(upload, now)) this.#report(upload, now)
      else if (now - upload.startedAt < LAST_LOOK_MS) this.#deadlines.push(upload, now + NEXT_LOOK_MS)
    }
  }

  #report({ child, parent }: Assignment, now: number): void {
    this.#blocks.failed({ child: child.peer.id, parent: parent.peer.id, parentIsCdn: false, reason: 'slow' }, now)
  }
}

function crawls({ child: { swarm }, startedAt }: Assignment, now: number): boolean {
  return swarm.pace.isKnown && swarm.pieceSize > 0 && swarm.pace.factorOf((now - startedAt) / swarm.pieceSize) > FACTOR
}
