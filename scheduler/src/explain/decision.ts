import type { PeerId } from '@damselfly/shared'
import type { BackToSourceReason, PieceOrder } from '../contract.ts'
import type { AssignmentOutcome, AssignmentView, Candidate } from './decision-observer.ts'

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

type Seen = Pick<AssignmentView, 'piece' | 'parent' | 'basis' | 'order' | 'priority' | 'trigger' | 'triggerPeer' | 'peers' | 'holders' | 'copies'>

export interface AssignmentDecision extends Made, Seen {
  readonly type: 'assigned'
  /** How long the child could have taken one more piece; milliseconds. */
  readonly waitedMs: number
  readonly candidates: readonly Candidate[]
  /** Undefined while it is under way. */
  readonly outcome: AssignmentOutcome | undefined
  /** From the assignment to its end; undefined while it is under way. */
  readonly tookMs: number | undefined
}

/** One entry of a decision trace. */
export type Decision = JoinDecision | SourceDecision | AssignmentDecision
