import type { PeerId } from '@damselfly/shared'
import type { BlocklistEntry, FailureReason } from '../contract.ts'

export interface FailureReport {
  readonly child: PeerId
  /** Who may stand behind the child. @default the child alone */
  readonly party?: string | undefined
  readonly parent: PeerId
  /** What children say of the supernode's own CDN never blocks it for everybody. */
  readonly parentIsCdn: boolean
  readonly reason: BlockingReason
}

export type BlockingReason = Exclude<FailureReason, 'cancelled'> | 'slow'

/** Who may not be used as parent. */
export interface Block {
  readonly parent: PeerId
  /** Undefined: by nobody. */
  readonly child: PeerId | undefined
}

/** Decides by what goes wrong who is not used as parent for a while. A blocked peer can still be a child. */
export interface Blocklist {
  /** @returns the blocks that begin with this failure. */
  failed(report: FailureReport, now: number): readonly Block[]
  /**
   * It is proved that a parent sends wrong bytes. What children say of that blocks pairs alone, since a few identities of
   * one liar could say it of anybody. Left out: such a parent is blocked from none but those who complain.
   *
   * @returns the blocks that begin
   */
  caught?(parent: PeerId, now: number): readonly Block[]
  /** A piece came from this parent and was right. */
  succeeded(child: PeerId, parent: PeerId, now: number): void
  /** When the child's own block of the parent ends; undefined: there is none. */
  pairBlockedUntil(child: PeerId, parent: PeerId): number | undefined
  /** When everybody may use the parent again; undefined: now. */
  blockedUntil(parent: PeerId): number | undefined
  /** Every parent that is blocked for this child in particular. */
  blockedFor(child: PeerId): Iterable<PeerId>
  /** Every parent that is blocked for everybody. */
  blockedForAll(): Iterable<PeerId>
  /** Every child for which some parent is blocked in particular. */
  childrenWithBlocks(): Iterable<PeerId>
  /** Lets time pass. @returns the blocks that ended. */
  expire(now: number): readonly Block[]
  /**
   * Ends what a parent is blocked for its slowness from everybody: it alone has what somebody needs.
   * Left out: such blocks are waited for.
   *
   * @returns the blocks that end
   */
  pardon?(parent: PeerId, now: number): readonly Block[]
  /** When something expires next. */
  nextExpiry(): number | undefined
  /** What is blocked now. */
  entries(): readonly BlocklistEntry[]
}
