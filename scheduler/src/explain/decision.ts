import type { PeerId } from '@damselfly/shared'
import type { BackToSourceReason, PieceOrder, SchedulerEvent } from '../contract.ts'
import type { AssignmentOutcome, Basis, Candidate } from './decision-observer.ts'

interface Made {
  /** Grows from decision to decision of a task. */
  readonly number: number
  /** Milliseconds on the scheduler's scale. */
  readonly at: number
  readonly child: PeerId
}

/** A child began to want the task's pieces. */
export interface JoinDecision extends Made {
  readonly type: 'joined'
  readonly order: PieceOrder
}

export interface SourceDecision extends Made {
  readonly type: 'back-to-source'
  readonly reason: BackToSourceReason
}

export interface AssignmentDecision extends Made {
  readonly type: 'assigned'
  readonly piece: number
  readonly parent: PeerId
  readonly basis: Basis
  readonly order: PieceOrder
  /** How long the child could have taken one more piece; milliseconds. */
  readonly waitedMs: number
  readonly trigger: SchedulerEvent['type']
  readonly triggerPeer: PeerId | undefined
  readonly peers: number
  readonly holders: number
  readonly copies: number
  readonly candidates: readonly Candidate[]
  /** Undefined while it is under way. */
  readonly outcome: AssignmentOutcome | undefined
  /** From the assignment to its end; undefined while it is under way. */
  readonly tookMs: number | undefined
}

/** One entry of a decision trace. */
export type Decision = JoinDecision | SourceDecision | AssignmentDecision
