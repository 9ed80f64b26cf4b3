import type { PeerId, TaskId } from '@damselfly/shared'
import TinyQueue from 'tinyqueue'
import type { PeerCapacity, Scheduler, SchedulerCommand, SchedulerEvent } from '../src/contract.ts'
import { createScheduler } from '../src/scheduler.ts'
import { seeded } from './random.ts'

/** How long a piece takes from one slot of any parent. */
export const PIECE_MS = 100
export const CDN = 'cdn' as PeerId
const TASK = 'a-task' as TaskId
const PIECE_SIZE = 4096

export interface ModelOptions {
  readonly children: number
  readonly pieces: number
  readonly seed: number
  readonly slots: number
  readonly cdnSlots: number
  /** Assignments that a child has open. */
  readonly window: number
  /** Time between two pieces that the origin brings to the CDN; 0: it has all from the start. */
  readonly originMs: number
  /** How many times longer than others a child's slots take to send a piece. */
  readonly slowness?: (child: number) => number
}

export interface ModelResult {
  /** When the last child had everything, in pieces' times. */
  readonly lastChild: number
  readonly fromCdn: number
  readonly fromPeers: number
  readonly fromCdnByChild: readonly number[]
}

interface Happening {
  readonly at: number
  readonly order: number
  readonly event: SchedulerEvent
}

/** A swarm in which every slot of a parent sends a piece in the same time, and nothing else costs time. */
export function runModel(options: ModelOptions): ModelResult {
  return new Model(options).run()
}

class Model {
  readonly #options: ModelOptions
  readonly #scheduler: Scheduler
  readonly #agenda = new TinyQueue<Happening>([], (a, b) => a.at - b.at || a.order - b.order)
  readonly #fromCdn: number[]
  #fromPeers = 0
  #ordered = 0
  #now = 0

  constructor(options: ModelOptions) {
    this.#options = options
    this.#scheduler = createScheduler({ random: seeded(options.seed) })
    this.#fromCdn = Array.from({ length: options.children }, () => 0)
  }

  run(): ModelResult {
    const { children, pieces, slots, cdnSlots, window, originMs } = this.#options
    this.#handle({ type: 'peer-joined', peer: CDN, capacity: capacityOf(cdnSlots, true) })
    this.#handle({ type: 'task-registered', task: TASK, pieceCount: pieces, pieceSize: PIECE_SIZE })
    for (let child = 0; child < children; child++) {
      this.#handle({ type: 'peer-joined', peer: nameOf(child), capacity: capacityOf(slots, false) })
      this.#handle({ type: 'child-joined', task: TASK, peer: nameOf(child), order: 'rarest-first' })
      this.#handle({ type: 'pieces-wanted', task: TASK, peer: nameOf(child), count: window })
    }
    for (let piece = 0; piece < pieces; piece++) {
      this.#plan(piece * originMs, { type: 'pieces-available', task: TASK, peer: CDN, pieces: [piece] })
    }
    for (let next = this.#agenda.pop(); next !== undefined; next = this.#agenda.pop()) {
      this.#now = next.at
      this.#handle(next.event)
    }
    const fromCdn = this.#fromCdn.reduce((sum, count) => sum + count, 0)
    if (fromCdn + this.#fromPeers !== children * pieces) throw new Error('not every child got everything')
    return { lastChild: this.#now / PIECE_MS, fromCdn, fromPeers: this.#fromPeers, fromCdnByChild: this.#fromCdn }
  }

  #handle(event: SchedulerEvent): void {
    for (const command of this.#scheduler.handle(event, this.#now)) this.#obey(command)
    if (event.type !== 'piece-done') return
    this.#handle({ type: 'pieces-wanted', task: TASK, peer: event.peer, count: 1 })
  }

  #obey(command: SchedulerCommand): void {
    if (command.type !== 'assign') throw new Error(`nothing goes wrong here, but ${command.type}`)
    const { child: peer, parent, piece, task } = command
    if (parent === CDN) this.#fromCdn[numberOf(peer)] = (this.#fromCdn[numberOf(peer)] ?? 0) + 1
    else this.#fromPeers++
    const durationMs = PIECE_MS * (parent === CDN ? 1 : (this.#options.slowness?.(numberOf(parent)) ?? 1))
    const bytes = PIECE_SIZE
    this.#plan(this.#now + durationMs, { type: 'piece-done', task, peer, piece, parent, bytes, durationMs })
  }

  #plan(at: number, event: SchedulerEvent): void {
    this.#agenda.push({ at, order: this.#ordered++, event })
  }
}

function nameOf(child: number): PeerId {
  return `child-${child}` as PeerId
}

function numberOf(peer: PeerId): number {
  return Number(peer.slice('child-'.length))
}

function capacityOf(uploadSlots: number, isCdn: boolean): PeerCapacity {
  return { uploadSlots, isCdn, location: { location: '', zone: '', rack: '' }, lanes: ['direct'] }
}
