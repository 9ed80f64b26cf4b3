/** A child that could get a piece from the CDN although peers have it, because all of these are busy. */
export interface AdmissionRequest {
  /** Pieces under way to the child. */
  readonly inFlight: number
  /** Those of them that come from the CDN. */
  readonly cdnInFlight: number
  /** Whether all peers that have the piece are slow, in the sense of this policy. */
  readonly onlyFromSlow: boolean
  /** Pieces of this task that the CDN has been admitted to give so far. */
  readonly spareCopies: number
  /** Pieces of this task that peers have given so far. */
  readonly peerCopies: number
}

/**
 * When the CDN, with a slot to spare, may give a piece to more children than needed.
 * A piece that no usable peer has or is about to have needs no admission; one that is about to arrive is waited for.
 */
export interface AdmissionPolicy {
  /**
   * Whether peers are too slow to be waited for.
   * @param peerThroughput bytes per millisecond of all transfers from one peer together, on average
   * @param cdnRate bytes per millisecond of a single transfer from the CDN, on average
   */
  isSlow(peerThroughput: number, cdnRate: number): boolean
  admits(request: AdmissionRequest): boolean
}

export interface SpareAdmissionOptions {
  /** Copies that the CDN may always add for idle children, as a share of those that peers have given. @default 0.05 */
  readonly share?: number
  /** Peers are slow if one transfer from the CDN is so many times faster than all of theirs together. @default 4 */
  readonly faster?: number
}

/**
 * The CDN helps a child that would idle as long as this stays a small share of all copies. If peers are so slow that
 * waiting for them makes the swarm slower than no swarm, it gives each child one such piece at a time.
 */
export function spareAdmission({ share = 0.05, faster = 4 }: SpareAdmissionOptions = {}): AdmissionPolicy {
  return {
    isSlow: (peerThroughput, cdnRate) => cdnRate >= faster * peerThroughput,
    admits: ({ inFlight, cdnInFlight, onlyFromSlow, spareCopies, peerCopies }) => {
      if (cdnInFlight > 0) return false
      return onlyFromSlow || (inFlight === 0 && spareCopies + 1 <= share * peerCopies)
    },
  }
}
