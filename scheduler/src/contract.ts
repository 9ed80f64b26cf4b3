import type { Bitset, PeerId, Priority, TaskId } from '@damselfly/shared'

/** Where a peer stands; empty strings mean unknown. */
export interface PeerLocation {
  readonly location: string
  readonly zone: string
  readonly rack: string
  /** The local network by which it is reached, under a name that all in it share. @default '' unknown */
  readonly lan?: string | undefined
}

/** By what network bytes come: one that both sides are in, the internet, or a third host that passes them on. */
export type NetworkClass = 'lan' | 'wan' | 'relay'

export interface PeerCapacity {
  /** How many pieces it sends at once; with 0 it is never a parent. */
  readonly uploadSlots: number
  readonly location: PeerLocation
  /** The supernode's own CDN: the parent of last resort. */
  readonly isCdn: boolean
  /** Who may stand behind it: what several peers of one party say of others counts once. @default the peer alone */
  readonly party?: string | undefined
  /** Whether others reach it only through a relay. @default false */
  readonly isRelayed?: boolean | undefined
  /** Kinds of lanes that it listens on, by preference; without any it is never a parent. */
  readonly lanes: readonly ('plain' | 'direct' | 'libp2p')[]
}

export type PieceOrder = 'rarest-first' | 'in-order'

/** Everything that the scheduler learns. Times come beside the event, in milliseconds. */
export type SchedulerEvent =
  | { readonly type: 'peer-joined'; readonly peer: PeerId; readonly capacity: PeerCapacity }
  | { readonly type: 'peer-left'; readonly peer: PeerId }
  | { readonly type: 'capacity-changed'; readonly peer: PeerId; readonly capacity: PeerCapacity }
  /**
   * `pieceCount` undefined: the content's length is unknown so far. Again when it becomes known, and when the CDN
   * begins to bring the content anew after `origin-failed`.
   */
  | { readonly type: 'task-registered'; readonly task: TaskId; readonly pieceCount: number | undefined; readonly pieceSize: number }
  /** Nobody can get the task any more, or everybody has left it. */
  | { readonly type: 'task-removed'; readonly task: TaskId }
  | { readonly type: 'child-joined'; readonly task: TaskId; readonly peer: PeerId; readonly order: PieceOrder }
  /** Stops wanting pieces; what it holds stays on offer. */
  | { readonly type: 'child-left'; readonly task: TaskId; readonly peer: PeerId }
  /**
   * The peer has these verified pieces (beside those reported before). While the piece count is unknown, the CDN's tell
   * how many there are at least, and those of others past them are not believed.
   */
  | { readonly type: 'pieces-available'; readonly task: TaskId; readonly peer: PeerId; readonly pieces: Bitset | readonly number[] }
  /** The peer no longer has the task. */
  | { readonly type: 'pieces-dropped'; readonly task: TaskId; readonly peer: PeerId }
  /** Whether somebody forbade this peer to be a parent of the task. What it holds still counts as its own. */
  | { readonly type: 'uploads-shut'; readonly task: TaskId; readonly peer: PeerId; readonly isShut: boolean }
  /**
   * The child can take `count` more assignments. Each one uses up one credit, and only the child gives it back: for each
   * assignment it asks for one more exactly once, when the piece is done, has failed, was cancelled or was not needed. The
   * scheduler never returns a credit by itself, whatever becomes of the parent or the piece; else both would, and the child
   * had ever more under way. Whoever loses an assignment on its way to the child answers in the child's place.
   *
   * A count of 0 tells only a changed priority, or another place.
   */
  | {
      readonly type: 'pieces-wanted'
      readonly task: TaskId
      readonly peer: PeerId
      readonly count: number
      /** @default 'foreground' */
      readonly priority?: Priority | undefined
      /** The piece at which somebody reads in order. @default as before, the first one at the beginning */
      readonly from?: number | undefined
    }
  | {
      readonly type: 'piece-done'
      readonly task: TaskId
      readonly peer: PeerId
      readonly piece: number
      readonly parent: PeerId
      readonly bytes: number
      readonly durationMs: number
    }
  | {
      readonly type: 'piece-failed'
      readonly task: TaskId
      readonly peer: PeerId
      readonly piece: number
      readonly parent: PeerId
      readonly reason: FailureReason
    }
  /**
   * The CDN can bring no further piece: the origin failed. What it and the swarm have is still given.
   * Holds until the CDN reports a new piece of the task, or the task is registered again.
   */
  | { readonly type: 'origin-failed'; readonly task: TaskId }
  /** It is proved that this parent sends wrong bytes: not only children say so. */
  | { readonly type: 'parent-caught'; readonly peer: PeerId }
  /** Time passed; needed only for what expires (blocklists). The caller's period does not matter. */
  | { readonly type: 'tick' }

export type FailureReason = 'corrupt' | 'timeout' | 'refused' | 'unreachable' | 'cancelled'

export type BackToSourceReason = 'origin-failed' | 'no-parent'

/** Everything that the scheduler decides. */
export type SchedulerCommand =
  | { readonly type: 'assign'; readonly task: TaskId; readonly child: PeerId; readonly piece: number; readonly parent: PeerId }
  /**
   * Only when the task was removed, the piece turned out to lie past its end, or its parent's uploads were shut. The child
   * answers as for any assignment.
   */
  | { readonly type: 'cancel'; readonly task: TaskId; readonly child: PeerId; readonly piece: number; readonly parent: PeerId }
  | { readonly type: 'back-to-source'; readonly task: TaskId; readonly child: PeerId; readonly reason: BackToSourceReason }
  /** Bytes per second; 0 lifts the limit. */
  | { readonly type: 'set-rate'; readonly peer: PeerId; readonly upload: number; readonly download: number }
  | { readonly type: 'evict'; readonly task: TaskId; readonly peer: PeerId }

/**
 * Pure and deterministic: the same events, times and seed give the same commands.
 * It owns no timer, socket or file.
 */
export interface Scheduler {
  /** @param now milliseconds on a scale that never steps back. */
  handle(event: SchedulerEvent, now: number): readonly SchedulerCommand[]
  /** When `tick` should come next, or undefined if time changes nothing. */
  nextTick(): number | undefined
  stats(): SchedulerStats
  /** Who may not be used as parent at the moment; a copy. */
  snapshotBlocklist(): readonly BlocklistEntry[]
  /** What a child waits for at the moment; undefined if it could not take an assignment, or has nothing to wait for. */
  snapshotWait(task: TaskId, child: PeerId): ChildWait | undefined
}

export interface SchedulerStats {
  readonly peers: number
  readonly tasks: number
  /** Assignments under way. */
  readonly inFlight: number
  /** Children that could take an assignment and have none to take; once per task. */
  readonly waiting: number
}

export interface BlocklistEntry {
  readonly parent: PeerId
  /** Undefined: nobody may use this parent. */
  readonly child: PeerId | undefined
  /** `slow` is never reported: the scheduler finds it by comparing what it is told. */
  readonly reason: FailureReason | 'slow'
  /** On the scale of `now`, in milliseconds. */
  readonly until: number
  /** Failures that count by now: they fade with time and with pieces that arrive well. */
  readonly failures: number
}

/** A child that could take an assignment and has none to take. Each piece that it needs counts once, where it is first. */
export interface ChildWait {
  /** On the scale of `now`, in milliseconds. */
  readonly since: number
  /** Pieces under way to it. */
  readonly underWay: number
  /** Pieces that it needs beside those. */
  readonly needed: number
  /** Peers have them, but no free slot, or may not be used. */
  readonly withPeers: number
  /** No peer has them, but some are about to. */
  readonly onTheWay: number
  /** Only the CDN has them, but no free slot, or may not be used. */
  readonly withCdn: number
  /** Nobody has them yet. */
  readonly nowhere: number
  /** Peers of the swarm that it may not use. */
  readonly blockedParents: number
  readonly priority: Priority
}

/** A generator of numbers in [0, 1); seeded, so that runs can be repeated. */
export type RandomSource = () => number
