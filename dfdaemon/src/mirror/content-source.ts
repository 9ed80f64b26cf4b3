import type { ContentRange } from '../http/range.ts'

/** Somewhere from where any part of a content can be read. */
export interface ContentSource {
  readonly name: SourceName
  /**
   * The part in order, or as much of it as comes; what is yielded is good until the next is asked for.
   *
   * @throws DamselflyError; the signal's reason
   */
  read(range: ContentRange, signal: AbortSignal): AsyncIterable<Uint8Array>
  /** Grows as long as something comes, even if it cannot be read yet; bytes. */
  progress(): number
  /** Nothing more is wanted of it for now. Idempotent; a later `read` begins anew. */
  giveUp(): Promise<void>
}

/** `swarm` counts the supernode's CDN, `registry` is past both. */
export type SourceName = 'swarm' | 'registry'
