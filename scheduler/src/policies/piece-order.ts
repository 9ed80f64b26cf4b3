import type { RandomSource } from '../contract.ts'

/** What a piece order may ask about the swarm and the child. */
export interface PieceOrderView {
  /** Copies held by peers or on their way to one; the CDN's do not count. */
  copiesOf(piece: number): number
  /** The first piece that the child does not hold. */
  firstMissing(): number
}

/** Which of the pieces that a child can get right now it should get first. */
export interface PieceOrderPolicy {
  /** @param candidates at least one piece, in no particular order; not to be changed or kept. */
  choose(candidates: readonly number[], view: PieceOrderView, random: RandomSource): number
}

/** The piece with the fewest copies; ties are broken by chance, so that children get different pieces to exchange. */
export function rarestFirst(): PieceOrderPolicy {
  return { choose: chooseRarest }
}

/** How many pieces from the first missing one on go strictly in order, unless told otherwise. */
export const DEFAULT_IN_ORDER_WINDOW = 16

/**
 * For readers that stream: the lowest piece within a window that starts at the first missing one, else the rarest.
 * @param window in pieces
 */
export function inOrder(window: number = DEFAULT_IN_ORDER_WINDOW): PieceOrderPolicy {
  return {
    choose: (candidates, view, random) => {
      let lowest = Infinity
      for (const piece of candidates) if (piece < lowest) lowest = piece
      return lowest < view.firstMissing() + window ? lowest : chooseRarest(candidates, view, random)
    },
  }
}

function chooseRarest(candidates: readonly number[], view: PieceOrderView, random: RandomSource): number {
  const salt = Math.floor(random() * 2 ** 32)
  let rarest = candidates[0] as number
  let fewest = Infinity
  let lowestLot = Infinity
  for (const piece of candidates) {
    const copies = view.copiesOf(piece)
    if (copies > fewest) continue
    const lot = drawLot(piece, salt)
    if (copies === fewest && lot >= lowestLot) continue
    rarest = piece
    fewest = copies
    lowestLot = lot
  }
  return rarest
}

/** A number for each piece that is as good as random, at the price of one random number for all of them. */
function drawLot(piece: number, salt: number): number {
  let mixed = Math.imul(piece ^ salt, 0x9e3779b1)
  mixed = Math.imul(mixed ^ (mixed >>> 15), 0x85ebca77)
  return (mixed ^ (mixed >>> 13)) >>> 0
}
