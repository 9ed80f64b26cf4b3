import type { PeerId } from '@damselfly/shared'
import { RATE_KINDS, type PeerRates, type RateKind } from './rate-rule.ts'

/** How much a new interval counts against those before it. */
const WEIGHT = 0.5

interface Use {
  readonly bytes: Record<RateKind, number>
  readonly rates: Record<RateKind, number>
}

/** How much each peer sends and receives lately, by what children report. */
export class PeerUsage {
  readonly #uses = new Map<PeerId, Use>()

  /** The child got so many bytes from the parent; undefined: from the origin. */
  count(child: PeerId, parent: PeerId | undefined, bytes: number): void {
    const received = this.#use(child)
    received.bytes.download += bytes
    if (parent === undefined) received.bytes.origin += bytes
    else this.#use(parent).bytes.upload += bytes
  }

  /** Ends an interval. */
  pass(ms: number): void {
    for (const { bytes, rates } of this.#uses.values()) {
      for (const kind of RATE_KINDS) {
        rates[kind] += WEIGHT * ((bytes[kind] / ms) * 1000 - rates[kind])
        bytes[kind] = 0
      }
    }
  }

  /** Bytes per second. */
  of(peer: PeerId): PeerRates {
    return this.#uses.get(peer)?.rates ?? { upload: 0, download: 0, origin: 0 }
  }

  forget(peer: PeerId): void {
    this.#uses.delete(peer)
  }

  clear(): void {
    this.#uses.clear()
  }

  #use(peer: PeerId): Use {
    let use = this.#uses.get(peer)
    if (use === undefined) {
      use = { bytes: { upload: 0, download: 0, origin: 0 }, rates: { upload: 0, download: 0, origin: 0 } }
      this.#uses.set(peer, use)
    }
    return use
  }
}
