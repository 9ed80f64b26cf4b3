/** Takes what a link brings. The callbacks run synchronously; `bytes` is only valid during the call. */
export interface ByteLinkHandler {
  bytes(bytes: Uint8Array): void
  /** The other side will send no more. */
  ended(): void
  /** Once, and last: nothing can be written any more either. */
  closed(error: Error | undefined): void
}

/** Called once for each write: the bytes are no longer needed, or the link failed. */
export type Written = (error: Error | undefined) => void

/** Bytes both ways, in order: what a channel needs of a socket or a stream. */
export interface ByteLink {
  /** Starts the flow to `handler`, or turns it to another one. Nothing that arrived before is lost. */
  attach(handler: ByteLinkHandler): void
  /** Queues the parts as one; they must stay unchanged until `written` is called. */
  write(parts: readonly Uint8Array[], written: Written): void
  /** A few bytes that are on their way may still come. */
  pause(): void
  resume(): void
  /** Sends what is queued, then ends this side. */
  end(): void
  /** Ends both sides at once. Idempotent. */
  destroy(): void
}
