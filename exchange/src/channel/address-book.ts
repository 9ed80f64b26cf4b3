import type { Clock } from '@damselfly/shared'

/** What one address has at the moment. */
export interface KnownAddress {
  open: number
  handshakes: number
  /** Handshakes that it may begin, as of `at`. */
  allowance: number
  at: number
}

/** What may be begun at once after a pause; seconds of rate. */
const BURST_SECONDS = 5

/** Looked through for addresses that may be forgotten beyond this. */
const SWEEP_AT = 4096

/** Who has connected lately; forgets addresses as soon as nothing is known of them that a stranger would not have too. */
export class AddressBook {
  readonly #rate: number
  readonly #clock: Clock
  readonly #addresses = new Map<string, KnownAddress>()
  #sweepAt = SWEEP_AT

  /** @param rate handshakes each second that one address may begin */
  constructor(rate: number, clock: Clock) {
    this.#rate = rate
    this.#clock = clock
  }

  get size(): number {
    return this.#addresses.size
  }

  at(network: string): KnownAddress {
    const known = this.#addresses.get(network)
    if (known !== undefined) return known
    if (this.#addresses.size >= this.#sweepAt) this.#sweep()
    const made = { open: 0, handshakes: 0, allowance: this.#burst, at: this.#clock.now() }
    this.#addresses.set(network, made)
    return made
  }

  mayBegin(address: KnownAddress): boolean {
    this.#refill(address)
    return address.allowance >= 1
  }

  begins(address: KnownAddress): void {
    address.allowance--
  }

  left(network: string, address: KnownAddress): void {
    if (this.#isForgettable(address)) this.#addresses.delete(network)
  }

  get #burst(): number {
    return this.#rate * BURST_SECONDS
  }

  #refill(address: KnownAddress): void {
    const now = this.#clock.now()
    address.allowance = Math.min(this.#burst, address.allowance + ((now - address.at) / 1000) * this.#rate)
    address.at = now
  }

  #isForgettable(address: KnownAddress): boolean {
    if (address.open > 0) return false
    this.#refill(address)
    return address.allowance >= this.#burst
  }

  #sweep(): void {
    for (const [network, address] of this.#addresses) if (this.#isForgettable(address)) this.#addresses.delete(network)
    // So that many addresses that stay are not looked through for each one that comes.
    this.#sweepAt = Math.max(SWEEP_AT, this.#addresses.size * 2)
  }
}
