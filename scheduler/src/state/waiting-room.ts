import { IndexSet } from './index-set.ts'
import type { Childhood, Member } from './member.ts'

/** From so many pieces under way on it makes no difference how many they are. */
const HEAVIEST = 3

/**
 * The seats of children that could take an assignment and have none to take, sorted by how urgently they should be served:
 * those with least under way first.
 */
export class WaitingRoom {
  readonly ranks: readonly IndexSet[] = Array.from({ length: HEAVIEST + 1 }, () => new IndexSet())
  #size = 0

  get size(): number {
    return this.#size
  }

  /** Lets a member wait, or no longer, or at another rank, as its credits, needs and fetches are. */
  update(member: Member): void {
    const rank = rankOf(member.child)
    if (rank === member.rank) return
    if (member.rank !== undefined) this.#rank(member.rank).delete(member.seat)
    if (rank !== undefined) this.#rank(rank).add(member.seat)
    this.#size += Number(rank !== undefined) - Number(member.rank !== undefined)
    member.rank = rank
  }

  #rank(rank: number): IndexSet {
    return this.ranks[rank] as IndexSet
  }
}

function rankOf(child: Childhood | undefined): number | undefined {
  if (child === undefined || child.credits === 0 || child.need.count === 0) return undefined
  // Who gets a piece that nobody else has should get it fast: others wait for it.
  return Math.min(child.fetching.length + child.cdnInFlight, HEAVIEST)
}
