import type { Member } from './member.ts'

/** Gives each member of a swarm a small number of its own, and those of members that left to others again. */
export class Seats {
  readonly #members: (Member | undefined)[] = []
  readonly #empty: number[] = []

  /** @param make called with the number */
  fill(make: (seat: number) => Member): Member {
    const seat = this.#empty.pop() ?? this.#members.length
    const member = make(seat)
    this.#members[seat] = member
    return member
  }

  leave({ seat }: Member): void {
    this.#members[seat] = undefined
    this.#empty.push(seat)
  }

  /** @param seat of a member that has not left */
  at(seat: number): Member {
    return this.#members[seat] as Member
  }
}
