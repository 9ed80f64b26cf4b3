import type { PeerId, TaskId } from '@damselfly/shared'
import type { SchedulerCommand, SchedulerEvent } from '../../contract.ts'
import type { Agenda } from '../agenda.ts'
import type { PeerPlan } from '../scenario/population.ts'
import type { Content } from './content.ts'
import type { Download } from './download.ts'
import type { Host } from './host.ts'
import type { LanePool } from './lane-pool.ts'
import type { Uploads } from './uploads.ts'

/** A silent peer is given up by the supernode after this; milliseconds. */
const SILENCE_MS = 20_000

export interface PeerDeps {
  readonly agenda: Agenda
  readonly plan: PeerPlan
  readonly host: Host
  readonly uploads: Uploads
  readonly lanes: LanePool
  readonly latencyMs: number
  readonly batchMs: number
  readonly toSupernode: (events: readonly SchedulerEvent[]) => void
  readonly parent: (id: PeerId) => Uploads | undefined
  /** Bytes per second; 0 lifts the limit. */
  readonly setRate: (upload: number, download: number) => void
}

/** A peer as the supernode knows it: its control channel, its downloads, its coming and going. */
export class Peer {
  readonly host: Host
  readonly plan: PeerPlan
  readonly arrivedAt: number
  /** When it was gone; undefined while it is there. */
  endedAt: number | undefined
  readonly downloads: Map<TaskId, Download> = new Map()
  readonly #deps: PeerDeps
  #outbox: SchedulerEvent[] = []

  constructor(deps: PeerDeps) {
    this.#deps = deps
    this.host = deps.host
    this.plan = deps.plan
    this.arrivedAt = deps.agenda.now
  }

  /** Whether everything that it wants is there. */
  get isDone(): boolean {
    for (const download of this.downloads.values()) if (!download.isComplete) return false
    return true
  }

  /** Connects, and offers what it has. */
  connect(holdings: ReadonlyMap<Content, readonly number[]>): void {
    const { id: peer, capacity } = this.host
    this.report({ type: 'peer-joined', peer, capacity })
    for (const [{ task }, pieces] of holdings) this.report({ type: 'pieces-available', task, peer, pieces })
  }

  /** Registers a download; once that is answered it asks for its first assignments. */
  register(download: Download, window: number): void {
    const { agenda, plan, latencyMs } = this.#deps
    const { task } = download.content
    this.downloads.set(task, download)
    this.report({ type: 'child-joined', task, peer: this.host.id, order: plan.order })
    agenda.after(2 * latencyMs, () => {
      if (!download.isComplete) this.report({ type: 'pieces-wanted', task, peer: this.host.id, count: window })
    })
  }

  /** Tells the supernode, together with what else is told within the time of a batch. */
  report(...events: readonly SchedulerEvent[]): void {
    if (this.host.state !== 'up') return
    this.#outbox.push(...events)
    if (this.#outbox.length === events.length) this.#deps.agenda.after(this.#deps.batchMs, () => this.#flush())
  }

  /** Carries out what the supernode said. */
  obey(command: SchedulerCommand): void {
    const { agenda, latencyMs } = this.#deps
    agenda.after(latencyMs, () => {
      if (this.host.state === 'up') this.#carryOut(command)
    })
  }

  /** Goes away: at once by closing its channels, or by falling silent. */
  end(state: 'frozen' | 'gone'): void {
    if (this.host.state !== 'up') return
    const { agenda, uploads, lanes, latencyMs, toSupernode } = this.#deps
    this.host.state = state
    this.endedAt = agenda.now
    uploads.end()
    lanes.end()
    for (const download of this.downloads.values()) download.end()
    const noticedAfter = state === 'frozen' ? SILENCE_MS : latencyMs
    agenda.after(noticedAfter, () => toSupernode([{ type: 'peer-left', peer: this.host.id }]))
  }

  #flush(): void {
    const events = this.#outbox
    this.#outbox = []
    if (this.host.state === 'up') this.#deps.agenda.after(this.#deps.latencyMs, () => this.#deps.toSupernode(events))
  }

  #carryOut(command: SchedulerCommand): void {
    if (command.type === 'set-rate') return this.#deps.setRate(command.upload, command.download)
    const download = this.downloads.get(command.task)
    if (download === undefined || download.isComplete) return
    if (command.type === 'back-to-source') return download.backToSource()
    if (command.type === 'evict') return
    const parent = this.#deps.parent(command.parent)
    if (parent === undefined) return
    if (command.type === 'assign') download.assign(command.piece, parent)
    else download.cancel(command.piece, parent)
  }
}
