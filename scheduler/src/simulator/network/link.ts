import type { Flow } from './flow.ts'

/** Something that flows share: a host's upload, its download, the line between two places. */
export class Link {
  /** Bytes per millisecond. Only the network changes it. */
  capacity: number
  readonly flows: Flow[] = []
  /** What no flow here exceeds; infinite as long as the link is not full. Bytes per millisecond. */
  level = Infinity
  /** When the first of the flows that begin here ends, and the place in the queue of these times. */
  firstEnd = Infinity
  queuePlace = -1
  needsLevel = false
  needsFirstEnd = false

  constructor(capacity: number) {
    this.capacity = capacity
  }

  /** @param step which link of the flow's path this is */
  add(flow: Flow, step: number): void {
    flow.places[step] = this.flows.length
    this.flows.push(flow)
  }

  remove(flow: Flow, step: number): void {
    const place = flow.places[step] as number
    const last = this.flows.pop() as Flow
    flow.places[step] = -1
    if (last === flow) return
    this.flows[place] = last
    last.places[last.path.indexOf(this)] = place
  }
}
