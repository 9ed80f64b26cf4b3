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
  readonly #verified: Record<PieceSource, number> = { held: 0, peers: 0, cdn: 0, origin: 0 }
  #inFlight = 0

  received(bytes: number): void {
    this.#inFlight += bytes
  }

  /** `bytes` of a piece that were received are verified, or void if no source is given. */
  settled(bytes: number, source: PieceSource | undefined): void {
    this.#inFlight -= bytes
    if (source !== undefined) this.#verified[source] += bytes
  }

  held(bytes: number): void {
    this.#verified.held += bytes
  }

  /** What was held turned out to be of no use. */
  discardHeld(): void {
    this.#verified.held = 0
  }

  get inFlightBytes(): number {
    return this.#inFlight
  }

  get bytesFrom(): BytesFrom {
    return { ...this.#verified }
  }
}
