import type { Bytes } from './content-history.ts'
import type { HostName } from './plan.ts'

/** One `dfget` that was started for a download; times are seconds from the start. */
export interface Attempt {
  readonly from: number
  readonly until: number
  /** `done`, or the code of the error that it ended with. */
  readonly outcome: string
  /** Verified bytes that the peer had before; undefined unless it is done. */
  readonly held: number | undefined
  /** Verified bytes that it had at last. */
  readonly verified: number
}

/** What somebody wants at a peer, and how often it took to get it. */
export interface DownloadLog {
  readonly peer: HostName
  readonly content: number
  /** Bytes. */
  readonly size: number
  readonly askedAt: number
  readonly attempts: readonly Attempt[]
  /** What the bytes were; undefined while it is not there. */
  readonly bytes: Bytes | undefined
  /** How wrong bytes differ from the right ones. */
  readonly difference?: string | undefined
}

/** A fault as it really happened; seconds from the start. */
export interface FaultLog {
  readonly kind: string
  readonly host: HostName
  /** The only one that it concerns. @default all */
  readonly content?: number
  readonly from: number
  readonly until: number
}
