import type { FluidNetwork } from '../network/fluid-network.ts'
import type { Flow } from '../network/flow.ts'
import type { Download } from './download.ts'
import type { Origin } from './origin.ts'

/** A child that goes to the origin itself: asks for each piece that nobody is sending, until it is assigned one again. */
export class OwnWay {
  readonly #origin: Origin
  readonly #network: FluidNetwork
  readonly #download: Download
  #flow: Flow | undefined
  #isStopped = true

  constructor(origin: Origin, network: FluidNetwork, download: Download) {
    this.#origin = origin
    this.#network = network
    this.#download = download
  }

  start(): void {
    this.#isStopped = false
    if (this.#flow === undefined) this.#next()
  }

  /** The piece that is under way still comes. */
  stop(): void {
    this.#isStopped = true
    if (this.#download.host.state === 'up' || this.#flow === undefined) return
    this.#network.stop(this.#flow)
    this.#flow = undefined
  }

  #next(): void {
    const { content, host } = this.#download
    for (let piece = 0; piece < content.pieces && !this.#isStopped; piece++) {
      if (this.#download.has(piece) || this.#download.isFetching(piece)) continue
      this.#flow = this.#origin.send(host.downlink, content.pieceSize, () => {
        this.#flow = undefined
        this.#download.store(piece)
        this.#next()
      })
      return
    }
  }
}
