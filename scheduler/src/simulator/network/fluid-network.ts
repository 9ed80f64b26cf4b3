import { FairSharing } from './fair-sharing.ts'
import { FirstEnds } from './first-ends.ts'
import { Flow } from './flow.ts'
import { Link } from './link.ts'

export interface FluidNetworkOptions {
  /** See `FairSharing`. @default 0.01 */
  readonly tolerance?: number
}

/**
 * A network in which bytes flow like water: no packets, each flow has a rate that changes only when another begins or
 * ends. Time is told from outside and never steps back; milliseconds.
 */
export class FluidNetwork {
  readonly #ends = new FirstEnds()
  readonly #sharing: FairSharing
  readonly #rescheduled: Link[] = []
  #now = 0

  constructor({ tolerance = 0.01 }: FluidNetworkOptions = {}) {
    this.#sharing = new FairSharing(tolerance, (flow, rate) => {
      flow.setRate(rate, this.#now)
      this.#reschedule(flow.path[0] as Link)
    })
  }

  get now(): number {
    return this.#now
  }

  /** @param path at least one link, none twice @param bytes more than 0 */
  begin(path: readonly Link[], bytes: number, onSent: () => void, ownLimit = Infinity): Flow {
    const flow = new Flow(path, ownLimit, bytes, this.#now, onSent)
    for (const [step, link] of path.entries()) {
      link.add(flow, step)
      this.#sharing.touch(link)
    }
    // With room on all links none of them changes its level, and none would set the rate.
    flow.setRate(flow.limitBeside(NOWHERE), this.#now)
    this.#reschedule(path[0] as Link)
    return flow
  }

  /** Ends a flow before it is told that all is sent. @returns bytes that were not sent */
  stop(flow: Flow): number {
    flow.isStopped = true
    // It may have come to its end in the same moment, and be about to be told.
    if (!flow.isOver) this.#remove(flow)
    return flow.remaining
  }

  /** @param capacity finite, bytes per millisecond */
  setCapacity(link: Link, capacity: number): void {
    link.capacity = capacity
    this.#sharing.touch(link)
  }

  /** When the next flow ends if none begins before; infinite without any. */
  nextEnd(): number {
    this.#settle()
    return this.#ends.first?.firstEnd ?? Infinity
  }

  /** Moves time on to `now`, no later than the next end, and ends the flows that are through by then. */
  advance(now: number): void {
    this.#settle()
    this.#now = now
    const sent: Flow[] = []
    for (let link = this.#ends.first; link !== undefined && link.firstEnd <= now; link = this.#ends.first) {
      const through = link.flows.filter((flow) => flow.path[0] === link && flow.endsAt <= now)
      for (const flow of through) this.#remove(flow)
      this.#ends.update(link, firstEndOf(link))
      sent.push(...through)
    }
    for (const flow of sent) if (!flow.isStopped) flow.onSent()
  }

  #remove(flow: Flow): void {
    flow.settle(this.#now)
    flow.isOver = true
    for (const [step, link] of flow.path.entries()) {
      link.remove(flow, step)
      this.#sharing.touch(link)
    }
    this.#reschedule(flow.path[0] as Link)
  }

  #reschedule(link: Link): void {
    if (link.needsFirstEnd) return
    link.needsFirstEnd = true
    this.#rescheduled.push(link)
  }

  #settle(): void {
    this.#sharing.settle()
    for (const link of this.#rescheduled) {
      link.needsFirstEnd = false
      this.#ends.update(link, firstEndOf(link))
    }
    this.#rescheduled.length = 0
  }
}

const NOWHERE = new Link(0)

/** Only of the flows that begin at this link: each flow stands in one queue. */
function firstEndOf(link: Link): number {
  let first = Infinity
  for (const flow of link.flows) if (flow.path[0] === link && flow.endsAt < first) first = flow.endsAt
  return first
}
