import type { PeerId, TaskId } from '@damselfly/shared'
import type {
  BackToSourceReason,
  FailureReason,
  PeerCapacity,
  PieceOrder,
  Scheduler,
  SchedulerCommand,
  SchedulerEvent,
} from '../src/contract.ts'
import { allSlots } from '../src/policies/upload-slots.ts'
import { createScheduler, type SchedulerOptions } from '../src/scheduler.ts'
import { seeded } from './random.ts'

export interface PeerOptions {
  readonly slots?: number
  readonly isCdn?: boolean
  /** As `location/zone/rack/lan`. */
  readonly at?: string
  readonly isRelayed?: boolean
}

/** A scheduler and one task (unless told otherwise), spoken to in few words; decisions come back as lines of text. */
export class Stage {
  readonly scheduler: Scheduler
  now = 0
  readonly #task: string

  constructor(options: Partial<SchedulerOptions> = {}, task = 'task') {
    this.scheduler = createScheduler({ random: seeded(1), ...options, policies: { uploadSlots: allSlots(), ...options.policies } })
    this.#task = task
  }

  joins(peer: string, { slots = 4, isCdn = false, at = '//', isRelayed = false }: PeerOptions = {}): readonly string[] {
    return this.tell({ type: 'peer-joined', peer: peer as PeerId, capacity: { ...capacityOf(slots, isCdn, at), isRelayed } })
  }

  changes(peer: string, { slots = 4, isCdn = false, at = '//', isRelayed = false }: PeerOptions): readonly string[] {
    return this.tell({ type: 'capacity-changed', peer: peer as PeerId, capacity: { ...capacityOf(slots, isCdn, at), isRelayed } })
  }

  leaves(peer: string): readonly string[] {
    return this.tell({ type: 'peer-left', peer: peer as PeerId })
  }

  registers(pieceCount: number | undefined, task = this.#task): readonly string[] {
    return this.tell({ type: 'task-registered', task: task as TaskId, pieceCount, pieceSize: 1000 })
  }

  removes(task = this.#task): readonly string[] {
    return this.tell({ type: 'task-removed', task: task as TaskId })
  }

  originFails(): readonly string[] {
    return this.tell({ type: 'origin-failed', task: this.#task as TaskId })
  }

  /** Joins the task as a child and wants so many pieces. */
  downloads(peer: string, wanted: number, order: PieceOrder = 'rarest-first', task = this.#task): readonly string[] {
    return [
      ...this.tell({ type: 'child-joined', task: task as TaskId, peer: peer as PeerId, order }),
      ...this.wants(peer, wanted, task),
    ]
  }

  stops(peer: string): readonly string[] {
    return this.tell({ type: 'child-left', task: this.#task as TaskId, peer: peer as PeerId })
  }

  wants(peer: string, count: number, task = this.#task): readonly string[] {
    return this.tell({ type: 'pieces-wanted', task: task as TaskId, peer: peer as PeerId, count })
  }

  /** Wants so many pieces while somebody reads at this one. */
  reads(peer: string, from: number, count: number): readonly string[] {
    return this.tell({ type: 'pieces-wanted', task: this.#task as TaskId, peer: peer as PeerId, count, from })
  }

  has(peer: string, pieces: readonly number[], task = this.#task): readonly string[] {
    return this.tell({ type: 'pieces-available', task: task as TaskId, peer: peer as PeerId, pieces })
  }

  drops(peer: string): readonly string[] {
    return this.tell({ type: 'pieces-dropped', task: this.#task as TaskId, peer: peer as PeerId })
  }

  gets(peer: string, piece: number, parent: string, durationMs = 10): readonly string[] {
    const ids = { task: this.#task as TaskId, peer: peer as PeerId, parent: parent as PeerId }
    return this.tell({ type: 'piece-done', ...ids, piece, bytes: 1000, durationMs })
  }

  fails(peer: string, piece: number, parent: string, reason: FailureReason): readonly string[] {
    const ids = { task: this.#task as TaskId, peer: peer as PeerId, parent: parent as PeerId }
    return this.tell({ type: 'piece-failed', ...ids, piece, reason })
  }

  /** Lets time pass, with a tick at its end. */
  passes(ms: number): readonly string[] {
    this.now += ms
    return this.tell({ type: 'tick' })
  }

  tell(event: SchedulerEvent): readonly string[] {
    return this.scheduler.handle(event, this.now).map(describeCommand)
  }
}

/** `child takes piece from parent`, and the like. */
function describeCommand(command: SchedulerCommand): string {
  switch (command.type) {
    case 'assign':
      return takes(command.child, command.piece, command.parent)
    case 'cancel':
      return `${command.child} cancels ${command.piece} from ${command.parent}`
    case 'back-to-source':
      return goesToSource(command.child, command.reason)
    default:
      return command.type
  }
}

export function takes(child: string, piece: number, parent: string): string {
  return `${child} takes ${piece} from ${parent}`
}

export function goesToSource(child: string, reason: BackToSourceReason): string {
  return `${child} goes back to source: ${reason}`
}

function capacityOf(uploadSlots: number, isCdn: boolean, at: string): PeerCapacity {
  const [location = '', zone = '', rack = '', lan = ''] = at.split('/')
  return { uploadSlots, isCdn, location: { location, zone, rack, lan }, lanes: ['direct'] }
}
