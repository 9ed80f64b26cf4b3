import { LocalCopies } from './local-copies.ts'
import type { Peer } from './peer.ts'

/** The locations and local networks in which a swarm has members; locations that are unknown are left out. */
export class Locations {
  readonly #byName = new Map<string, LocalCopies>()
  readonly #networks = new Map<string, number>()

  get count(): number {
    return this.#byName.size
  }

  /** Local networks; where it is unknown counts as one. */
  get networks(): number {
    return this.#networks.size
  }

  /** A member comes. */
  enter({ location: { location, lan = '' } }: Peer): LocalCopies | undefined {
    this.#networks.set(lan, (this.#networks.get(lan) ?? 0) + 1)
    if (location === '') return undefined
    let local = this.#byName.get(location)
    if (local === undefined) this.#byName.set(location, (local = new LocalCopies()))
    local.members++
    return local
  }

  /** A member goes. @param location where it was, as its peer still says */
  leave({ location: { location, lan = '' } }: Peer): void {
    const neighbours = (this.#networks.get(lan) ?? 1) - 1
    if (neighbours === 0) this.#networks.delete(lan)
    else this.#networks.set(lan, neighbours)
    const local = this.#byName.get(location)
    if (local !== undefined && --local.members === 0) this.#byName.delete(location)
  }
}
