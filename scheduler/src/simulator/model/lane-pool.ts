import type { Agenda } from '../agenda.ts'
import type { Host } from './host.ts'
import { Lane, type PieceRequest } from './lane.ts'
import type { Routes } from './routes.ts'
import type { Uploads } from './uploads.ts'

/** An idle lane is closed after this; milliseconds. */
const IDLE_MS = 30_000

/** Idle lanes are looked for when there are more than this, at first. */
const MANY_LANES = 64

export interface LanePoolDeps {
  readonly agenda: Agenda
  readonly routes: Routes
  /** Round trips until a new lane takes its first request. */
  readonly setupRoundTrips: number
}

/** The lanes of one child, one to each parent, opened on demand and shared by all its downloads. */
export class LanePool {
  readonly #child: Host
  readonly #deps: LanePoolDeps
  readonly #lanes = new Map<Uploads, Lane>()
  #sweepAt = MANY_LANES

  constructor(child: Host, deps: LanePoolDeps) {
    this.#child = child
    this.#deps = deps
  }

  /** @returns a function that takes the request back; it is not answered then. */
  request(parent: Uploads, request: PieceRequest): () => void {
    const { agenda } = this.#deps
    const lane = this.#laneTo(parent)
    lane.open++
    let isOver = false
    const isFirstEnd = (): boolean => {
      if (isOver || this.#child.state !== 'up') return false
      isOver = true
      lane.open--
      lane.idleSince = agenda.now
      return true
    }
    const onLane: PieceRequest = {
      bytes: request.bytes,
      arrived: (isRight) => isFirstEnd() && request.arrived(isRight),
      failed: (reason) => isFirstEnd() && request.failed(reason),
    }
    const untilOpen = Math.max(0, lane.openAt - agenda.now)
    agenda.after(untilOpen + lane.route.latencyMs, () => {
      if (!isOver && this.#child.state === 'up') parent.accept(lane, onLane)
    })
    return () => {
      if (isFirstEnd()) agenda.after(lane.route.latencyMs, () => parent.cancel(lane, onLane))
    }
  }

  /** The child is gone: its parents stop sending. */
  end(): void {
    for (const [parent, lane] of this.#lanes) parent.drop(lane)
    this.#lanes.clear()
  }

  #laneTo(parent: Uploads): Lane {
    const known = this.#lanes.get(parent)
    if (known !== undefined && !this.#isOver(known)) return known
    if (this.#lanes.size >= this.#sweepAt) this.#sweep()
    const { agenda, routes, setupRoundTrips } = this.#deps
    const route = routes.between(parent.host, this.#child)
    const lane = new Lane(route, agenda.now + setupRoundTrips * 2 * route.latencyMs)
    this.#lanes.set(parent, lane)
    return lane
  }

  #sweep(): void {
    for (const [parent, lane] of this.#lanes) if (this.#isOver(lane)) this.#lanes.delete(parent)
    this.#sweepAt = Math.max(MANY_LANES, 2 * this.#lanes.size)
  }

  #isOver(lane: Lane): boolean {
    // A lane that is opened in no time need not be kept.
    const isCheap = this.#deps.setupRoundTrips === 0 || lane.route.latencyMs === 0
    return lane.open === 0 && this.#deps.agenda.now >= lane.idleSince + (isCheap ? 0 : IDLE_MS)
  }
}
