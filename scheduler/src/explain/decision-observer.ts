import type { PeerId, Priority, TaskId } from '@damselfly/shared'
import type { BackToSourceReason, PieceOrder, SchedulerEvent } from '../contract.ts'

/** On what an assignment rests. */
export const BASES = [
  /** A peer has the piece and a free slot. */
  'peer',
  /** No peer that the child may use has the piece or is about to have it, so the CDN gives it. */
  'only-cdn',
  /** The peers that have it are busy, and the CDN may help a child that would idle. */
  'peers-busy',
  /** The peers that have it are so slow that the CDN is not spared. */
  'peers-slow',
] as const
export type Basis = (typeof BASES)[number]

/** Why a candidate did not get to give the piece. */
export const VERDICTS = [
  /** No free slot. */
  'busy',
  /** Blocked for this child, or for everybody. */
  'blocked',
  /** Others that could give it are nearer. */
  'farther',
  /** Others are in the child's local network, and it is not. */
  'outside',
  /** It is reached through a relay, and others are not. */
  'relayed',
  /** As near as the one that was chosen; load, measured rate or chance decided. */
  'second',
  /** Of the CDN: it is spared while peers can give the piece. */
  'spared',
  /** Of the CDN: it does not hold the piece. */
  'lacking',
  /** A rule of somebody's forbids it to upload the task. */
  'shut',
  /** It is in another location, and the piece is to cross into the child's only once. */
  'crossing',
] as const
export type Verdict = (typeof VERDICTS)[number]

/** How an assignment ended. */
export const OUTCOMES = [
  /** The child has the piece, from this parent. */
  'done',
  /** The child got the piece from somebody else first. */
  'overtaken',
  'corrupt',
  'timeout',
  'refused',
  'unreachable',
  'cancelled',
  /** The child left, or wants no more pieces. */
  'child-left',
  /** The parent left, or has dropped the task. */
  'parent-left',
  /** The task was removed, or ends before this piece. */
  'void',
] as const
export type AssignmentOutcome = (typeof OUTCOMES)[number]

export interface Candidate {
  readonly peer: PeerId
  readonly isCdn: boolean
  readonly verdict: Verdict
  /** How long it stays blocked; milliseconds, 0 if it is not. */
  readonly blockedForMs: number
}

/** How many candidates are told of one assignment at most, the CDN among them. */
export const MOST_CANDIDATES = 4

/** An assignment, and what the scheduler saw when it made it. The object is used again for the next one: nothing of it may be kept. */
export interface AssignmentView {
  readonly at: number
  readonly task: TaskId
  readonly child: PeerId
  readonly parent: PeerId
  readonly piece: number
  readonly basis: Basis
  readonly order: PieceOrder
  readonly priority: Priority
  /** Since when the child could have taken one more piece; milliseconds. */
  readonly openSince: number
  /** What made the assignment possible. */
  readonly trigger: SchedulerEvent['type']
  /** Whom that was about; undefined if nobody in particular. */
  readonly triggerPeer: PeerId | undefined
  /** Peers in the swarm, without the CDN. */
  readonly peers: number
  /** Those of them that have the piece. */
  readonly holders: number
  /** Those that have it or are about to have it. */
  readonly copies: number
  /** Only the first `candidateCount` count. */
  readonly candidates: readonly Candidate[]
  readonly candidateCount: number
}

/**
 * Who is told what a scheduler decides, and why, as it happens. It is called in the midst of decisions: it must be quick,
 * must not throw and must not call the scheduler. Times are on the scheduler's scale.
 */
export interface DecisionObserver {
  joined(task: TaskId, child: PeerId, order: PieceOrder, now: number): void
  /** @returns a number by which the end of the assignment is told */
  assigned(assignment: AssignmentView): number
  /** @param decision what `assigned` returned */
  ended(task: TaskId, decision: number, outcome: AssignmentOutcome, now: number): void
  sentToSource(task: TaskId, child: PeerId, reason: BackToSourceReason, now: number): void
}
