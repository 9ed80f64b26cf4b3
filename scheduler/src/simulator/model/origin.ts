import type { FluidNetwork } from '../network/fluid-network.ts'
import type { Flow } from '../network/flow.ts'
import { Link } from '../network/link.ts'

/** The server that contents come from. */
export class Origin {
  readonly #uplink: Link
  readonly #network: FluidNetwork
  /** Bytes that it has been asked for. */
  sent = 0

  /** @param rate bytes per millisecond; infinite without a limit */
  constructor(rate: number, network: FluidNetwork) {
    this.#uplink = new Link(rate)
    this.#network = network
  }

  send(to: Link, bytes: number, onSent: () => void): Flow {
    this.sent += bytes
    const path = to.capacity < Infinity ? [this.#uplink, to] : [this.#uplink]
    return this.#network.begin(path, bytes, onSent)
  }
}
