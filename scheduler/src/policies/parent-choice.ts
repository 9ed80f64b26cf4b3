import type { PeerId } from '@damselfly/shared'
import type { PeerLocation, RandomSource } from '../contract.ts'
import { remoteness } from '../state/place.ts'

export interface ParentCandidate {
  readonly id: PeerId
  readonly location: PeerLocation
  /** Whether it is reached only through a relay. */
  readonly isRelayed: boolean
  readonly slots: number
  /** Slots in use. */
  readonly inFlight: number
  /** Bytes per millisecond of one of its transfers, on average; undefined before the first one. */
  readonly rate: number | undefined
}

/** Which of several parents with a free slot gives a piece to a child. The CDN is never among them. */
export interface ParentChoicePolicy {
  /** @param candidates at least one; not to be changed or kept. */
  choose<T extends ParentCandidate>(child: PeerLocation, candidates: readonly T[], random: RandomSource): T
}

/** The nearest parents by rack, zone and location, then by network, relays last; of these, that with the least load relative to its slots and measured rate; then by chance. */
export function nearestLeastLoaded(): ParentChoicePolicy {
  return {
    choose: <T extends ParentCandidate>(child: PeerLocation, candidates: readonly T[], random: RandomSource): T => {
      if (candidates.length === 1) return candidates[0] as T
      const nearest = leastBy(candidates, (parent) => remoteness(child, parent))
      const usualRate = meanRate(nearest)
      const best = leastBy(nearest, (parent) => (parent.inFlight + 1) / parent.slots / (parent.rate ?? usualRate))
      return best[best.length === 1 ? 0 : Math.floor(random() * best.length)] as T
    },
  }
}

/** What an unmeasured parent is taken to do: as much as the others do. */
function meanRate(candidates: readonly ParentCandidate[]): number {
  let sum = 0
  let measured = 0
  for (const { rate } of candidates) {
    if (rate === undefined) continue
    sum += rate
    measured++
  }
  return sum > 0 ? sum / measured : 1
}

function leastBy<T>(items: readonly T[], cost: (item: T) => number): T[] {
  let least: T[] = []
  let lowest = Infinity
  for (const item of items) {
    const itsCost = cost(item)
    if (itsCost > lowest) continue
    if (itsCost < lowest) least = []
    lowest = itsCost
    least.push(item)
  }
  return least
}
