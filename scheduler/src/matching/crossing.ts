import type { LocalCopies } from '../state/local-copies.ts'
import type { Childhood, Member } from '../state/member.ts'

/** So many pieces may be on their way into a location at once: enough to fill a long line, few enough to be fast. */
export const MOST_CROSSING = 8

/** Whether what the parent sends to the child comes from another location. */
export function crosses(child: Member, parent: Member): boolean {
  return child.local !== undefined && child.local !== parent.local
}

/** Whether another location may send the child anything now. */
export function mayCross({ local }: Member): boolean {
  return local === undefined || local.crossings < MOST_CROSSING
}

/**
 * Whether another location may send the child this piece: lines between locations are thin, so each piece is to cross
 * them once, and those who are near wait for the copy. Who has idled too long waits no longer for a copy that is there.
 */
export function mayCrossWith({ local, child }: Member, piece: number): boolean {
  if (local === undefined) return true
  if (local.crossings >= MOST_CROSSING) return false
  return !local.present.has(piece) || (child?.isPatienceOver === true && !local.isCrossing(piece))
}

/** Whether some piece that the parent has, and the child needs, may cross to the child. */
export function hasToCross(parent: Member, local: LocalCopies, { need, isPatienceOver }: Childhood): boolean {
  if (local.crossings >= MOST_CROSSING) return false
  if (need.intersectsOutside(parent.held, local.present)) return true
  if (!isPatienceOver) return false
  for (let piece = need.firstShared(parent.held, 0); piece !== undefined; piece = need.firstShared(parent.held, piece + 1)) {
    if (!local.isCrossing(piece)) return true
  }
  return false
}
