import type { Childhood, Member } from '../state/member.ts'
import { copiesWith } from './orphans.ts'

/** How many slow holders are looked at for each piece. */
const LOOK_AT = 32

/**
 * Pieces that a child needs and that both the CDN and peers hold. What is under way to a peer is left out: it is waited
 * for.
 * @param slow if given, only pieces that nobody but these peers has
 */
export function collectSpare(
  { need }: Childhood,
  { held, swarm: { copies } }: Member,
  slow: ReadonlySet<Member> | undefined,
  found: number[],
): void {
  need.collectInBoth(held, copies.spread, found)
  const slowest = slow === undefined ? undefined : [...slow].slice(0, LOOK_AT)
  const isSpare = (piece: number): boolean => {
    const holders = copies.holdersOf(piece)
    if (holders < copies.copiesOf(piece)) return false
    return slowest === undefined || holders === copiesWith(slowest, piece)
  }
  const spare = found.filter(isSpare)
  found.splice(0, Infinity, ...spare)
}
