import type { ClaimBudget } from './member.ts'

/** Pieces of one swarm that are known by the peers' word alone; of these there may only be so many in all swarms. */
export class VouchedPieces {
  readonly #room: ClaimBudget
  #taken = 0

  /** @param room for all swarms */
  constructor(room: ClaimBudget) {
    this.#room = room
  }

  /** @returns false where there is no room for so many more */
  take(count: number): boolean {
    if (count > this.#room.left) return false
    this.#room.left -= count
    this.#taken += count
    return true
  }

  /** They are forgotten. */
  release(): void {
    this.#room.left += this.#taken
    this.#taken = 0
  }
}
