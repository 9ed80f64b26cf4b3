/** Bytes by where they came from; `held` were verified on this disk before the download began. */
export interface BytesFrom {
  readonly held: number
  readonly peers: number
  readonly cdn: number
  readonly origin: number
}

export type PieceSource = keyof BytesFrom

/** Counts where a download's verified bytes came from, and those still under way. */
export class TransferAccount {
  #verified: Record<PieceSource, number> = nothing()
  #inFlight = 0

  /** Bytes of a piece that is not whole yet. */
  received(bytes: number): void {
    this.#inFlight += bytes
  }

  /** `bytes` of a piece that were received are verified, or void if no source is given. */
  settled(bytes: number, source: PieceSource | undefined): void {
    this.#inFlight -= bytes
    if (source !== undefined) this.verified(bytes, source)
  }

  /** A piece that was verified all at once. */
  verified(bytes: number, source: PieceSource): void {
    this.#verified[source] += bytes
  }

  /** Everything so far turned out to be of no use. */
  beginAnew(): void {
    this.#verified = nothing()
  }

  get inFlightBytes(): number {
    return this.#inFlight
  }

  get bytesFrom(): BytesFrom {
    return { ...this.#verified }
  }
}

function nothing(): Record<PieceSource, number> {
  return { held: 0, peers: 0, cdn: 0, origin: 0 }
}
