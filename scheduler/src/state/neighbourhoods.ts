import type { Member } from './member.ts'

/** The seats of a swarm's members by where they are. */
export class Neighbourhoods {
  readonly #seats = new Map<string, number[]>()

  add({ peer, seat }: Member): void {
    for (const place of peer.places) {
      const seats = this.#seats.get(place)
      if (seats === undefined) this.#seats.set(place, [seat])
      else seats.push(seat)
    }
  }

  /** The member's places must still be those under which it was added. */
  delete({ peer, seat }: Member): void {
    for (const place of peer.places) {
      const seats = this.#seats.get(place) ?? []
      const last = seats.pop() as number
      if (last !== seat) seats[seats.indexOf(seat)] = last
      if (seats.length === 0) this.#seats.delete(place)
    }
  }

  /** Whoever is at the place; not to be changed. */
  at(place: string): readonly number[] {
    return this.#seats.get(place) ?? NOBODY
  }
}

const NOBODY: readonly number[] = []
