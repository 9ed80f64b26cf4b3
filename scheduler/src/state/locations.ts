import { LocalCopies } from './local-copies.ts'
import type { Peer } from './peer.ts'

/** The locations in which a swarm has members; those that are unknown are left out. */
export class Locations {
  readonly #byName = new Map<string, LocalCopies>()

  get count(): number {
    return this.#byName.size
  }

  /** A member comes. */
  enter({ location: { location } }: Peer): LocalCopies | undefined {
    if (location === '') return undefined
    let local = this.#byName.get(location)
    if (local === undefined) this.#byName.set(location, (local = new LocalCopies()))
    local.members++
    return local
  }

  /** A member goes. @param location where it was, as its peer still says */
  leave({ location: { location } }: Peer): void {
    const local = this.#byName.get(location)
    if (local !== undefined && --local.members === 0) this.#byName.delete(location)
  }
}
