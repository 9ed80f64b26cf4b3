import type { RandomSource } from '../contract.ts'

/** The pieces that a child can get right now: it needs them, and somebody who may give them has a free slot. */
export interface PieceChoices {
  /** One with the fewest copies, by chance if there are several; copies under way count, the CDN's do not. */
  rarest(): number | undefined
  /** The lowest one below `end`, from where the child reads on. */
  lowestBefore(end: number): number | undefined
  /** Whether the piece is one of them. */
  has(piece: number): boolean
  /** Each of them, in ascending order. To ask for all costs time, which the other questions save. */
  all(): Iterable<number>
  /** Copies held by peers or on their way to one; the CDN's do not count. */
  copiesOf(piece: number): number
  /** The first piece that the child does not hold, from where it reads on; from the beginning once it holds all of those. */
  firstMissing(): number
}

/** Which of the pieces that a child can get right now it should get first. */
export interface PieceOrderPolicy {
  /** @returns one of the choices; undefined only if there is none. */
  choose(choices: PieceChoices, random: RandomSource): number | undefined
}

/** The piece with the fewest copies; ties are broken by chance, so that children get different pieces to exchange. */
export function rarestFirst(): PieceOrderPolicy {
  return { choose: (choices) => choices.rarest() }
}

/** How many pieces from the first missing one on go strictly in order, unless told otherwise. */
export const DEFAULT_IN_ORDER_WINDOW = 16

/**
 * For readers that stream: the lowest piece within a window that starts at the first missing one, else the rarest.
 * @param window in pieces
 */
export function inOrder(window: number = DEFAULT_IN_ORDER_WINDOW): PieceOrderPolicy {
  return { choose: (choices) => choices.lowestBefore(choices.firstMissing() + window) ?? choices.rarest() }
}
