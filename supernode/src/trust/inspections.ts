import type { Clock, PeerId, TaskId } from '@damselfly/shared'
import { messageOf } from '@damselfly/shared'
import type { Logger } from '@damselfly/shared/logging'

/** A child says that this parent sent it a wrong piece. */
export interface Accusation {
  readonly task: TaskId
  readonly piece: number
  readonly parent: PeerId
  readonly child: PeerId
}

/** What the supernode found when it asked for the piece itself; `unknown` where it did not get it. */
export type Finding = 'right' | 'wrong' | 'unknown'

export interface InspectionsInit {
  /** Fetches the piece from the accused and compares it. */
  readonly inspect: (accusation: Accusation, signal: AbortSignal) => Promise<Finding>
  /** The accused sends wrong bytes. */
  readonly caught: (parent: PeerId) => void
  readonly stopping: AbortSignal
  readonly clock: Clock
  readonly logger: Logger
}

/** Inspections at once; what would be one too many is not made, and the next accusation asks again. */
const AT_ONCE = 4

/** A parent that was just found right is left alone for so long, whatever is said of it; milliseconds. */
const QUIET_MS = 10_000

/** Whoever accused wrongly is not heard for so long; milliseconds. */
const DISCREDITED_MS = 600_000

/** Remembered at once; more push out the oldest. */
const MOST_REMEMBERED = 10_000

/** How long one may take; milliseconds. */
const PATIENCE_MS = 30_000

/** Looks whether what children say of a parent is true, before anybody else suffers from it. */
export class Inspections {
  readonly #init: InspectionsInit
  readonly #running = new Map<PeerId, Set<PeerId>>()
  readonly #leftAloneUntil = new Map<PeerId, number>()
  readonly #discreditedUntil = new Map<PeerId, number>()

  constructor(init: InspectionsInit) {
    this.#init = init
  }

  /** A child's word is a reason to look, and no more. */
  accused(accusation: Accusation): void {
    const { parent, child } = accusation
    const accusers = this.#running.get(parent)
    if (accusers !== undefined) return void accusers.add(child)
    const now = this.#init.clock.now()
    const isHeard = now >= (this.#discreditedUntil.get(child) ?? 0) && now >= (this.#leftAloneUntil.get(parent) ?? 0)
    if (!isHeard || this.#running.size >= AT_ONCE) return
    this.#running.set(parent, new Set([child]))
    void this.#look(accusation)
  }

  /** Whether somebody's accusations are not followed up at the moment. */
  isDiscredited(child: PeerId): boolean {
    return this.#init.clock.now() < (this.#discreditedUntil.get(child) ?? 0)
  }

  /** Never rejects. */
  async #look(accusation: Accusation): Promise<void> {
    const { inspect, caught, stopping, logger } = this.#init
    const { parent, piece, task } = accusation
    let finding: Finding = 'unknown'
    try {
      finding = await inspect(accusation, AbortSignal.any([stopping, AbortSignal.timeout(PATIENCE_MS)]))
    } catch (error) {
      logger.debug({ task, parent, piece, reason: messageOf(error) }, 'an accused parent could not be asked')
    }
    const accusers = this.#running.get(parent) ?? new Set()
    this.#running.delete(parent)
    if (stopping.aborted) return
    if (finding === 'wrong') {
      logger.warn({ task, parent, piece }, 'a parent sends wrong bytes, also to the supernode')
      return caught(parent)
    }
    if (finding === 'unknown') return
    const now = this.#init.clock.now()
    remember(this.#leftAloneUntil, parent, now + QUIET_MS)
    for (const child of accusers) remember(this.#discreditedUntil, child, now + DISCREDITED_MS)
    logger.info({ task, parent, piece, accusers: accusers.size }, 'a parent was accused of wrong bytes, and sent the right ones to the supernode')
  }
}

function remember(times: Map<PeerId, number>, peer: PeerId, until: number): void {
  times.delete(peer)
  times.set(peer, until)
  const [oldest] = times.keys()
  if (times.size > MOST_REMEMBERED && oldest !== undefined) times.delete(oldest)
}
