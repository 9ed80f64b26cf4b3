import type { FailureReason, RandomSource } from '../../contract.ts'
import type { Agenda } from '../agenda.ts'
import type { FluidNetwork } from '../network/fluid-network.ts'
import type { Host } from './host.ts'
import type { Lane, PieceRequest } from './lane.ts'

export interface UploadsDeps {
  readonly agenda: Agenda
  readonly network: FluidNetwork
  readonly random: RandomSource
  /** After so long without an answer a child gives a request up; milliseconds. */
  readonly stallMs: number
}

/** The sending side of a host. */
export class Uploads {
  readonly host: Host
  readonly #deps: UploadsDeps
  readonly #lanes = new Set<Lane>()
  /** Lanes with requests that none is sent of, because others have their turn. */
  #turns: Lane[] = []
  #sending = 0

  constructor(host: Host, deps: UploadsDeps) {
    this.host = host
    this.#deps = deps
  }

  /** A request has come over the lane. */
  accept(lane: Lane, request: PieceRequest): void {
    const { agenda, stallMs } = this.#deps
    const { state, vices } = this.host
    if (state === 'frozen') agenda.after(stallMs, () => request.failed('timeout'))
    else if (state === 'gone') this.#answer(lane, () => request.failed('unreachable'))
    else if (this.#happens(vices.refuses)) this.#answer(lane, () => request.failed('refused'))
    else this.#queue(lane, request)
  }

  /** Takes a request back, wherever it is. */
  cancel(lane: Lane, request: PieceRequest): void {
    const place = lane.requests.indexOf(request)
    if (place < 0) return
    if (place === 0) this.#pause(lane)
    lane.requests.splice(place, 1)
    if (lane.requests.length === 0) this.#lanes.delete(lane)
    else if (place === 0) this.#turns.push(lane)
    this.#sendNext()
  }

  /** The child of the lane is gone, and the lane with it. */
  drop(lane: Lane): void {
    if (!this.#lanes.delete(lane)) return
    this.#pause(lane)
    lane.requests.length = 0
    this.#sendNext()
  }

  /** The host ends: its children learn it from their lanes, or if it is frozen by waiting in vain. */
  end(): void {
    const { agenda, stallMs } = this.#deps
    const isFrozen = this.host.state === 'frozen'
    const reason: FailureReason = isFrozen ? 'timeout' : 'unreachable'
    for (const lane of this.#lanes) {
      this.#pause(lane)
      for (const request of lane.requests) {
        agenda.after(isFrozen ? stallMs : lane.route.latencyMs, () => request.failed(reason))
      }
      lane.requests.length = 0
    }
    this.#lanes.clear()
    this.#turns = []
  }

  #queue(lane: Lane, request: PieceRequest): void {
    this.#lanes.add(lane)
    if (lane.requests.push(request) > 1) return
    this.#turns.push(lane)
    this.#sendNext()
  }

  #sendNext(): void {
    while (this.#sending < this.host.lanesAtOnce) {
      const lane = this.#turns.shift()
      if (lane === undefined) return
      this.#send(lane, lane.requests[0] as PieceRequest)
    }
  }

  #send(lane: Lane, request: PieceRequest): void {
    this.#sending++
    lane.flow = this.#deps.network.begin(lane.route.path, request.bytes, () => this.#sent(lane, request), lane.route.ownLimit)
  }

  #sent(lane: Lane, request: PieceRequest): void {
    this.#sending--
    lane.flow = undefined
    lane.requests.shift()
    this.#count(lane, request.bytes)
    const isRight = !this.#happens(this.host.vices.lies)
    this.#answer(lane, () => request.arrived(isRight))
    if (lane.requests.length === 0) this.#lanes.delete(lane)
    else this.#turns.push(lane)
    this.#sendNext()
  }

  /** Stops sending on the lane, or takes its place among those that wait. */
  #pause(lane: Lane): void {
    const { flow } = lane
    if (flow === undefined) {
      this.#turns = this.#turns.filter((other) => other !== lane)
      return
    }
    const unsent = this.#deps.network.stop(flow)
    this.#count(lane, (lane.requests[0] as PieceRequest).bytes - unsent)
    lane.flow = undefined
    this.#sending--
  }

  #count({ route: { crossing } }: Lane, bytes: number): void {
    this.host.sent += bytes
    if (crossing !== undefined) crossing.carried += bytes
  }

  #answer({ route }: Lane, action: () => void): void {
    this.#deps.agenda.after(route.latencyMs, action)
  }

  #happens(share: number): boolean {
    return share > 0 && this.#deps.random() < share
  }
}
