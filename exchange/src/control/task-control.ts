import type { Bitset, DamselflyError, HeaderMap, ORIGIN_PEER, PeerId, Priority, Sha256, TaskId, TaskIdentity } from '@damselfly/shared'
import type { Endpoint } from '../channel/transport.ts'
import type { SecurityPolicy } from '../lane/security.ts'

/** What a child needs to fetch from a parent. */
export interface ParentInfo {
  readonly peer: PeerId
  readonly endpoints: readonly Endpoint[]
  /** The least security that the parent accepts. */
  readonly security: SecurityPolicy
  readonly signedTicket: Uint8Array
  /** The supernode's own CDN. */
  readonly isCdn: boolean
}

export interface Assignment {
  readonly index: number
  readonly parent: PeerId
  readonly digest: Sha256
}

/** News of a task; undefined fields are no news. */
export interface TaskNews {
  readonly contentLength: number | undefined
  readonly digests: readonly { readonly index: number; readonly digest: Sha256 }[]
  /** An encoded SignedManifest; not verified here. */
  readonly signedManifest: Uint8Array | undefined
  /** The task failed for everybody. */
  readonly error: DamselflyError | undefined
  /** Bytes that the CDN has fetched so far; 0 when it does not say. */
  readonly fetched: number
  /** What a rule of the supernode's makes of this download's priority; `any`: no rule does. */
  readonly ruledPriority: Priority | 'any' | undefined
}

/** What the supernode tells a child about one task. Called in order; must not throw. */
export interface TaskControlListener {
  parent(parent: ParentInfo): void
  assigned(assignment: Assignment): void
  /** The piece shall be fetched from the origin itself: the supernode has no copy. A listener without this is never sent there. */
  sentToOrigin?(index: number): void
  cancelled(index: number, parent: PeerId): void
  /** Also a sign of life when it carries no news. */
  news(news: TaskNews): void
  backToSource(reason: string): void
  /** The channel is gone; nothing more comes until the task is registered again. @param error why, such as PEER_NOT_ADMITTED */
  lost(error: DamselflyError): void
  /** A channel is there again; the task may be registered again. */
  restored(): void
}

export interface TaskRegistration {
  readonly taskId: TaskId
  readonly identity: TaskIdentity
  /** This caller's own; never stored by the supernode. */
  readonly credentials: HeaderMap
  readonly order: 'rarest-first' | 'in-order'
  /** The byte from which on something is wanted most. @default 0 */
  readonly wantedFrom?: number | undefined
  /** Pieces verified earlier, with the layout that they belong to. */
  readonly held: { readonly contentLength: number; readonly pieceSize: number; readonly pieces: Bitset } | undefined
}

export interface Registered {
  readonly pieceSize: number
  readonly contentLength: number | undefined
  readonly etag: string
  readonly lastModified: string
  /** The whole content, when it is small. */
  readonly content: Uint8Array | undefined
  readonly isPrivate: boolean
}

/** One task's line to the supernode. */
export interface TaskControl {
  /**
   * @throws DamselflyError the supernode's refusal by its code; SUPERNODE_UNREACHABLE while there is no channel or
   * when it goes away before the answer; the signal's reason
   */
  register(registration: TaskRegistration, signal: AbortSignal): Promise<Registered>
  /** How many assignments should be open; the supernode's wish. */
  window(): number
  /**
   * @param priority of the download as it is now. @default 'foreground'
   * @param from the piece at which somebody reads in order; undefined: as before
   */
  want(count: number, priority?: Priority, from?: number): void
  /** @param parent ORIGIN_PEER for a piece that was to be fetched there */
  pieceDone(index: number, parent: PeerId | typeof ORIGIN_PEER, bytes: number, durationMs: number): void
  pieceFailed(index: number, parent: PeerId | typeof ORIGIN_PEER, error: DamselflyError): void
  /** A piece came from the origin itself. */
  pieceStored(index: number, digest: Sha256): void
  /** No more pieces are wanted. Ends the subscription. */
  leave(): void
}

/** What a peer holds, told to the supernode after each connect. */
export interface HeldTask {
  readonly taskId: TaskId
  readonly identity: TaskIdentity
  readonly contentLength: number
  readonly pieceSize: number
  readonly have: Bitset
  /** By index; undefined where the piece is not here. */
  readonly digests: readonly (Sha256 | undefined)[]
  readonly signedManifest: Uint8Array | undefined
  readonly contentDigest: Sha256 | undefined
  readonly etag: string
  readonly lastModified: string
  readonly isPrivate: boolean
}
