import { Link } from '../network/link.ts'
import type { Host } from './host.ts'

/** A line between two locations, as fast in either direction. */
export interface Line {
  readonly name: string
  readonly between: readonly [string, string]
  /** Bytes per millisecond. */
  readonly rate: number
  readonly latencyMs: number
}

/** One direction of a line. */
export interface Crossing {
  readonly name: string
  readonly from: string
  readonly to: string
  readonly link: Link
  readonly latencyMs: number
  /** Bytes that went over it. */
  carried: number
}

/** The way from one host to another. */
export interface Route {
  readonly path: readonly Link[]
  /** One way; milliseconds. */
  readonly latencyMs: number
  /** The most that one lane carries; bytes per millisecond. */
  readonly ownLimit: number
  readonly crossing: Crossing | undefined
}

export interface RoutesOptions {
  /** One way, between any two hosts, beside that of a line; milliseconds. */
  readonly latencyMs: number
  /** The most that one lane carries; bytes per millisecond, infinite without a limit. */
  readonly laneLimit: number
  readonly lines: readonly Line[]
}

/** Who reaches whom over what. */
export class Routes {
  readonly crossings: readonly Crossing[]
  readonly #options: RoutesOptions
  readonly #byEnds = new Map<string, Crossing>()

  constructor(options: RoutesOptions) {
    this.#options = options
    this.crossings = options.lines.flatMap(({ name, between: [a, b], rate, latencyMs: ofLine }) => {
      const oneWay = (from: string, to: string): Crossing => {
        return { name: `${name} ${from}-${to}`, from, to, link: new Link(rate), latencyMs: ofLine, carried: 0 }
      }
      return [oneWay(a, b), oneWay(b, a)]
    })
    for (const crossing of this.crossings) this.#byEnds.set(keyOf(crossing.from, crossing.to), crossing)
  }

  /** For the bytes that a parent sends to a child. */
  between(parent: Host, child: Host): Route {
    const crossing = this.#byEnds.size === 0 ? undefined : this.#byEnds.get(keyOf(parent.location, child.location))
    const path = [parent.uplink]
    if (crossing !== undefined) path.push(crossing.link)
    // A link without limit holds nobody back, and would only be looked at in vain.
    if (child.downlink.capacity < Infinity) path.push(child.downlink)
    const { latencyMs, laneLimit } = this.#options
    return { path, latencyMs: latencyMs + (crossing?.latencyMs ?? 0), ownLimit: laneLimit, crossing }
  }
}

function keyOf(from: string, to: string): string {
  return JSON.stringify([from, to])
}
