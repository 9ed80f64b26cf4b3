/** A piece that an idle child could get from the CDN although the swarm has it or is about to. */
export interface AdmissionRequest {
  /** Peers that hold the piece; none of them has a free slot for this child. */
  readonly holders: number
  /** Children to which the piece is under way. */
  readonly receivers: number
  /** Bytes per millisecond of one transfer from the CDN in this task, on average; undefined before the first. */
  readonly cdnRate: number | undefined
  /** The same of one transfer from a peer. */
  readonly peerRate: number | undefined
  /** Pieces of this task that the CDN has been admitted to give so far. */
  readonly spareCopies: number
  /** Pieces of this task that peers have given so far. */
  readonly peerCopies: number
}

/**
 * When the CDN may give a piece to more children than needed.
 * It is asked only about children that have nothing under way and that no peer can serve now. A piece that no usable
 * peer has or is about to have needs no admission.
 */
export interface AdmissionPolicy {
  admits(request: AdmissionRequest): boolean
}

export interface SpareAdmissionOptions {
  /** Copies that the CDN may always add, as a share of those that peers have given. @default 0.05 */
  readonly share?: number
  /** With transfers so many times faster than those of the peers, the CDN may add as many as it can. @default 4 */
  readonly faster?: number
}

/**
 * A piece under way to a peer is waited for. One that only busy peers hold comes from the CDN too as long as that stays
 * a small share, or if the peers are so much slower that waiting for them would make the swarm slower than no swarm.
 */
export function spareAdmission({ share = 0.05, faster = 4 }: SpareAdmissionOptions = {}): AdmissionPolicy {
  return {
    admits: ({ receivers, cdnRate, peerRate, spareCopies, peerCopies }) => {
      if (receivers > 0) return false
      if (spareCopies + 1 <= share * peerCopies) return true
      return cdnRate !== undefined && peerRate !== undefined && cdnRate >= faster * peerRate
    },
  }
}
