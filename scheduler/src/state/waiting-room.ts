import type { Priority } from '@damselfly/shared'
import { IndexSet } from './index-set.ts'
import type { Childhood, Member } from './member.ts'

/** From so many pieces under way on it makes no difference how many they are. */
const HEAVIEST = 3
const RANKS = HEAVIEST + 1

/** Whom a search is for; undefined: both, foreground first. */
export type Whom = Priority | undefined

/**
 * The seats of children that could take an assignment and have none to take, sorted by how urgently they should be served:
 * foreground before background, and of each those with least under way first.
 */
export class WaitingRoom {
  readonly #ranks: readonly IndexSet[] = Array.from({ length: 2 * RANKS }, () => new IndexSet())
  readonly #foreground = this.#ranks.slice(0, RANKS)
  readonly #background = this.#ranks.slice(RANKS)
  #size = 0
  #sizeOfBackground = 0

  get size(): number {
    return this.#size
  }

  get hasBackground(): boolean {
    return this.#sizeOfBackground > 0
  }

  /** The most urgent rank first. */
  ranks(whom: Whom): readonly IndexSet[] {
    if (whom === undefined) return this.#ranks
    return whom === 'foreground' ? this.#foreground : this.#background
  }

  /** Lets a member wait, or no longer, or at another rank, as its credits, needs, fetches and priority are. */
  update(member: Member): void {
    const rank = rankOf(member.child)
    if (rank === member.rank) return
    if (member.rank !== undefined) this.#change(member.rank, -1).delete(member.seat)
    if (rank !== undefined) this.#change(rank, 1).add(member.seat)
    member.rank = rank
  }

  #change(rank: number, by: 1 | -1): IndexSet {
    this.#size += by
    if (rank >= RANKS) this.#sizeOfBackground += by
    return this.#ranks[rank] as IndexSet
  }
}

/** Whether the child waits with nothing under way. */
export function isIdle({ rank }: Member): boolean {
  return rank !== undefined && rank % RANKS === 0
}

export function isWaitingAs({ rank }: Member, whom: Priority): boolean {
  return rank !== undefined && (rank < RANKS) === (whom === 'foreground')
}

function rankOf(child: Childhood | undefined): number | undefined {
  if (child === undefined || child.credits === 0 || child.need.count === 0) return undefined
  // Who gets a piece that nobody else has should get it fast: others wait for it.
  const rank = Math.min(child.fetches.count + child.cdnInFlight, HEAVIEST)
  return child.priority === 'foreground' ? rank : rank + RANKS
}
