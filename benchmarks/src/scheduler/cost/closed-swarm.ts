import type { PeerId, TaskId } from '@damselfly/shared'
import { createScheduler, type Scheduler, type SchedulerCommand, type SchedulerEvent } from '@damselfly/scheduler'
import { seededRandom } from '@damselfly/scheduler/simulator'
import { SharedUplink } from './shared-uplink.ts'

/** What a piece takes from a parent that sends nothing else, 4 MiB at 100 Mbit/s; milliseconds. */
const PIECE_MS = 336
/** What happens within so long is told together, so that taking the time costs little; milliseconds. */
const GRAIN_MS = 4
const PIECE_BYTES = 4 * 1024 * 1024
const SLOTS = 8
const CDN_SLOTS = 16
/** Assignments that a child has open. */
const WINDOW = 8

const CDN = 'cdn' as PeerId

/** What the scheduler was asked to do, and how long it took over it. */
export interface Work {
  /** Events that it was told. */
  events: number
  assignments: number
  /** CPU-seconds of the process while the scheduler worked, its garbage collection with it. */
  cpu: number
}

/** A piece on its way. */
interface Transfer {
  readonly child: PeerId
  readonly parent: PeerId
  readonly piece: number
  readonly startedAt: number
}

/**
 * One swarm in which nothing but its parent's uplink holds a piece up: the network of the scenario `equal`, simple enough
 * to cost less than the scheduler itself.
 */
export class ClosedSwarm {
  readonly work: Work = { events: 0, assignments: 0, cpu: 0 }
  readonly scheduler: Scheduler
  readonly #task: TaskId
  readonly #children: readonly PeerId[]
  readonly #pieces: number
  readonly #uplinks = new Map<PeerId, SharedUplink<Transfer>>()
  /** Parents with something that may be through, by the time. */
  readonly #agenda = new Map<number, Set<PeerId>>()
  /** How many pieces are still to come to each child, and to all of them. */
  readonly #missing = new Map<PeerId, number>()
  #missingInAll = 0
  #now: number

  /** @param before another task of the same peers, which have done with it; undefined: they have not connected yet */
  constructor(children: number, pieces: number, before?: ClosedSwarm) {
    this.scheduler = before?.scheduler ?? createScheduler({ random: seededRandom(1) })
    this.#task = (before === undefined ? 'first' : 'second') as TaskId
    this.#now = before?.now ?? 0
    this.#children = Array.from({ length: children }, (_, child) => `child-${child}` as PeerId)
    this.#pieces = pieces
  }

  get now(): number {
    return this.#now
  }

  /** All are there, and nobody wants anything. */
  connect(): void {
    this.#tell([joined(CDN, CDN_SLOTS, true), ...this.#children.map((child) => joined(child, SLOTS, false))])
  }

  /** All want the content, of which the CDN has everything. */
  begin(): void {
    const pieces = Array.from({ length: this.#pieces }, (_, piece) => piece)
    for (const child of this.#children) this.#missing.set(child, this.#pieces)
    this.#missingInAll = this.#children.length * this.#pieces
    this.#tell([
      { type: 'task-registered', task: this.#task, pieceCount: this.#pieces, pieceSize: PIECE_BYTES },
      { type: 'pieces-available', task: this.#task, peer: CDN, pieces },
      ...this.#children.map((peer): SchedulerEvent => ({ type: 'child-joined', task: this.#task, peer, order: 'rarest-first' })),
      ...this.#children.map((peer): SchedulerEvent => ({ type: 'pieces-wanted', task: this.#task, peer, count: WINDOW })),
    ])
  }

  /** Lets time pass until so many pieces have come to each child on average, or all. */
  run(piecesEach: number): void {
    const enough = this.#children.length * (this.#pieces - piecesEach)
    for (; this.#missingInAll > enough; this.#now += GRAIN_MS) {
      const due = this.#agenda.get(this.#now)
      if (due === undefined) continue
      this.#agenda.delete(this.#now)
      const events: SchedulerEvent[] = []
      for (const parent of due) this.#noteEnded(parent, events)
      this.#tell(events)
    }
  }

  #noteEnded(parent: PeerId, events: SchedulerEvent[]): void {
    const ended = this.#uplinkOf(parent).ended(this.#now)
    this.#watch(parent)
    for (const { child: peer, piece, startedAt } of ended) {
      const durationMs = this.#now - startedAt
      events.push({ type: 'piece-done', task: this.#task, peer, piece, parent, bytes: PIECE_BYTES, durationMs }, this.#next(peer))
    }
  }

  /** What a child says after it got a piece: that it can take another one, or that it has all. */
  #next(peer: PeerId): SchedulerEvent {
    const left = (this.#missing.get(peer) ?? 0) - 1
    this.#missing.set(peer, left)
    this.#missingInAll--
    return left > 0 ? { type: 'pieces-wanted', task: this.#task, peer, count: 1 } : { type: 'child-left', task: this.#task, peer }
  }

  /** Keeps nothing but the scheduler, so that what it has in memory can be seen. */
  forgetNetwork(): void {
    this.#uplinks.clear()
    this.#agenda.clear()
    this.#missing.clear()
  }

  #tell(events: readonly SchedulerEvent[]): void {
    const commands: SchedulerCommand[] = []
    const before = process.cpuUsage()
    for (const event of events) {
      // Mostly nothing is decided, and a spread of nothing would be a cost that is not the scheduler's.
      const given = this.scheduler.handle(event, this.#now)
      if (given.length > 0) commands.push(...given)
    }
    this.scheduler.nextTick()
    const { user, system } = process.cpuUsage(before)
    this.work.cpu += (user + system) / 1e6
    this.work.events += events.length
    for (const command of commands) if (command.type === 'assign') this.#carryOut(command)
  }

  #carryOut({ child, piece, parent }: Extract<SchedulerCommand, { type: 'assign' }>): void {
    this.work.assignments++
    this.#uplinkOf(parent).begin({ child, parent, piece, startedAt: this.#now }, PIECE_MS, this.#now)
    this.#watch(parent)
  }

  #watch(parent: PeerId): void {
    const end = this.#uplinkOf(parent).nextEnd()
    if (end === Infinity) return
    const at = Math.max(this.#now + GRAIN_MS, Math.ceil(end / GRAIN_MS) * GRAIN_MS)
    const watched = this.#agenda.get(at)
    if (watched === undefined) this.#agenda.set(at, new Set([parent]))
    else watched.add(parent)
  }

  #uplinkOf(parent: PeerId): SharedUplink<Transfer> {
    let uplink = this.#uplinks.get(parent)
    if (uplink === undefined) this.#uplinks.set(parent, (uplink = new SharedUplink()))
    return uplink
  }
}

function joined(peer: PeerId, uploadSlots: number, isCdn: boolean): SchedulerEvent {
  const location = { location: '', zone: '', rack: '' }
  return { type: 'peer-joined', peer, capacity: { uploadSlots, location, isCdn, lanes: ['direct'] } }
}
