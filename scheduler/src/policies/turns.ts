import { PRIORITY_WEIGHTS } from '@damselfly/shared'

/** Whose turn it is where both foreground and background wait for a slot of one parent. */
export interface TurnsPolicy {
  /**
   * Whether background gets the slot that is free. What it cannot use goes to foreground all the same.
   *
   * @param passedOver how many slots in a row this parent has given to foreground while background waited too
   */
  isBackgroundsTurn(passedOver: number): boolean
}

export interface ForegroundFirstOptions {
  /** Slots that foreground gets for each one of background. @default as many times more as limits of rate give it */
  readonly inARow?: number
}

/** Foreground first, but background gets a slot now and then, so that it never starves. */
export function foregroundFirst({ inARow = PRIORITY_WEIGHTS.foreground / PRIORITY_WEIGHTS.background }: ForegroundFirstOptions = {}): TurnsPolicy {
  return { isBackgroundsTurn: (passedOver) => passedOver >= inARow }
}
