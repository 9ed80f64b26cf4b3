import type { Member } from '../state/member.ts'
import type { PieceSource } from './choices.ts'
import { copiesWith } from './orphans.ts'

/** How many slow holders are looked at for each piece. */
const LOOK_AT = 32

/**
 * Pieces that both the CDN and peers hold. What is under way to a peer is left out: it is waited for.
 * @param slow if given, only pieces that nobody but these peers has
 */
export function spareOf({ held, swarm: { copies } }: Member, slow: ReadonlySet<Member> | undefined): PieceSource {
  const slowest = slow === undefined ? undefined : [...slow].slice(0, LOOK_AT)
  return {
    fewestCopies: 1,
    has: (piece) => {
      const holders = copies.holdersOf(piece)
      if (holders === 0 || holders < copies.copiesOf(piece) || !held.has(piece)) return false
      return slowest === undefined || holders === copiesWith(slowest, piece)
    },
  }
}
