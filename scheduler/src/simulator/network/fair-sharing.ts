import type { Flow } from './flow.ts'
import type { Link } from './link.ts'

/**
 * Keeps the rates of all flows max-min fair: no link carries more than it can, and each flow has a full link on its way
 * on which nobody gets more than it.
 *
 * A link that is full has a level, which none of its flows exceeds; the rate of a flow is the lowest level on its path.
 * Given the levels of all other links, that of a link follows by filling it up evenly. Whenever a flow begins or ends, the
 * links of its path are filled again, then those that share a flow whose rate changed by that, until nothing changes.
 * The lowest levels come to rest first, and with them in turn the higher ones, so this ends, and mostly soon: what happens
 * to one flow changes little a few hops away.
 */
export class FairSharing {
  readonly #tolerance: number
  readonly #setRate: (flow: Flow, rate: number) => void
  readonly #changed: Link[] = []
  #limits = new Float64Array(64)
  #open = new Float64Array(64)

  /**
   * @param tolerance a level is left as it is while it could rise by no more than this share. So links are never
   * overloaded, but may stay that much below full; ripples of a change end where they are smaller.
   */
  constructor(tolerance: number, setRate: (flow: Flow, rate: number) => void) {
    this.#tolerance = Math.max(tolerance, ROUNDING)
    this.#setRate = setRate
  }

  /** The flows of the link have changed. */
  touch(link: Link): void {
    if (link.needsLevel || link.capacity === Infinity) return
    link.needsLevel = true
    this.#changed.push(link)
  }

  /** Brings all rates to what is fair. */
  settle(): void {
    const changed = this.#changed
    for (let next = 0; next < changed.length; next++) {
      const link = changed[next] as Link
      link.needsLevel = false
      this.#fill(link)
    }
    changed.length = 0
  }

  #fill(link: Link): void {
    const { flows, level: before } = link
    // All rates come from elsewhere then, and still leave room.
    if (before === Infinity && loadOf(flows) <= link.capacity) return
    this.#readLimits(link)
    const level = flows.length === 0 ? Infinity : evenLevel(this.#limits, this.#open, flows.length, link.capacity)
    if (level === before || this.#isNearlyThat(level, before)) return
    link.level = level
    for (let i = 0; i < flows.length; i++) this.#apply(flows[i] as Flow, link, Math.min(this.#limits[i] as number, level))
  }

  #isNearlyThat(level: number, before: number): boolean {
    return level > before ? level <= before * (1 + this.#tolerance) : level >= before * (1 - ROUNDING)
  }

  #apply(flow: Flow, from: Link, rate: number): void {
    if (rate === flow.rate) return
    this.#setRate(flow, rate)
    for (const other of flow.path) if (other !== from) this.touch(other)
  }

  #readLimits(link: Link): void {
    const { flows } = link
    if (flows.length > this.#limits.length) {
      this.#limits = new Float64Array(flows.length * 2)
      this.#open = new Float64Array(flows.length * 2)
    }
    for (let i = 0; i < flows.length; i++) this.#limits[i] = (flows[i] as Flow).limitBeside(link)
  }
}

/** Levels that differ by less than this share are the same number, differently rounded. */
const ROUNDING = 1e-12

function loadOf(flows: readonly Flow[]): number {
  let load = 0
  for (const { rate } of flows) load += rate
  return load
}

/**
 * The level to which a link fills up if each flow takes no more than its limit; infinite if they do not fill it.
 * @param limits the first `count` are read @param open as long as `limits`, to work in
 */
function evenLevel(limits: Float64Array, open: Float64Array, count: number, capacity: number): number {
  let rest = capacity
  let level = rest / count
  let left = count
  let read = limits
  for (;;) {
    let taken = 0
    let kept = 0
    for (let i = 0; i < left; i++) {
      const limit = read[i] as number
      if (limit <= level) taken += limit
      else open[kept++] = limit
    }
    if (kept === 0) return Infinity
    if (kept === left) return level
    read = open
    left = kept
    rest -= taken
    level = rest / left
  }
}
