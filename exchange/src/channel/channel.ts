import type { PeerId } from '@damselfly/shared'

export type ChannelKind = 'direct' | 'plain' | 'libp2p'

/** What a channel is opened for; negotiated while it is set up (ALPN, multistream or the plain handshake). */
export const PROTOCOLS = ['/damselfly/control/1', '/damselfly/piece/1'] as const
export type Protocol = (typeof PROTOCOLS)[number]

/**
 * Receives what the other side sends, in order. The callbacks run synchronously as bytes
 * arrive and must not throw; `bytes` is only valid during the call: copy what must stay.
 */
export interface ChannelReceiver {
  /** One whole MESSAGE frame. */
  message(bytes: Uint8Array): void
  /** Part of a DATA frame of this stream, as it arrived from the socket; any size above 0. */
  data(stream: number, bytes: Uint8Array): void
  /** Once, and last. `error` is undefined after `close` by either side, and only then. */
  closed(error: Error | undefined): void
}

/**
 * An authenticated, framed, two-way connection to a peer. Protocols speak to a channel
 * and do not know which kind it is.
 */
export interface Channel {
  readonly kind: ChannelKind
  readonly protocol: Protocol
  /** Proved by the handshake. */
  readonly remotePeer: PeerId
  /** `host:port`, for logs and for messages to people. */
  readonly remoteAddress: string
  /**
   * Starts the flow of frames to `receiver`. Called once; nothing that arrived before is lost.
   */
  receive(receiver: ChannelReceiver): void
  /**
   * Sends one MESSAGE frame. `bytes` must not change afterwards. Small messages never wait;
   * whoever sends many awaits `writable`.
   *
   * @throws DamselflyError CHANNEL_CLOSED
   * @throws RangeError above `limits.maxMessageBytes`
   */
  sendMessage(bytes: Uint8Array): void
  /**
   * Sends data as as few DATA frames as may carry it, written together. `bytes` must stay unchanged until the promise resolves.
   *
   * @throws DamselflyError CHANNEL_CLOSED
   * @throws RangeError where the protocol has no data
   */
  sendData(stream: number, bytes: Uint8Array): Promise<void>
  /** Whether `writable` would resolve at once. */
  readonly isWritable: boolean
  /** Resolves as soon as the other side keeps up (at once if nothing waits), or rejects with CHANNEL_CLOSED. */
  writable(): Promise<void>
  /** Stops and restarts the flow of incoming frames, so that a slow reader slows the sender down. */
  pause(): void
  resume(): void
  /** Sends what is queued, then ends. Idempotent. */
  close(): Promise<void>
  /** Ends at once; both sides learn of it. Idempotent. */
  abort(error: Error): void
}

export interface ChannelLimits {
  /** The largest MESSAGE frame that is accepted or sent; bytes. */
  readonly maxMessageBytes: number
  /** The largest DATA frame that is accepted or sent; bytes. */
  readonly maxDataBytes: number
  /** What may wait for a socket before senders are held back; bytes. */
  readonly highWaterMark: number
}

/** Frames are bounded so that a hostile length costs nothing. */
export const CHANNEL_LIMITS: Readonly<Record<Protocol, ChannelLimits>> = {
  // A batch of announcements carries the digests of many pieces; small contents travel inside.
  '/damselfly/control/1': { maxMessageBytes: 8 * 1024 * 1024, maxDataBytes: 0, highWaterMark: 1024 * 1024 },
  // DATA frames of 256 KiB keep several requests and cancels flowing on one channel.
  '/damselfly/piece/1': { maxMessageBytes: 16 * 1024, maxDataBytes: 256 * 1024, highWaterMark: 1024 * 1024 },
}
