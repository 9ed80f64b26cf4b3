import type { PeerId } from '@damselfly/shared'
import type { Channel, ChannelKind, Protocol } from './channel.ts'

/** One way to reach a peer. */
export interface Endpoint {
  readonly kind: ChannelKind
  /** An IP address without brackets, or a DNS name. */
  readonly host: string
  readonly port: number
}

export interface DialTarget {
  readonly endpoint: Endpoint
  /** Who must answer; undefined accepts anybody and leaves the check to the caller. */
  readonly peer: PeerId | undefined
}

export interface ListenAddress {
  /** An IP address; `::` also takes IPv4. */
  readonly host: string
  /** 0: any free port. */
  readonly port: number
}

/** Makes channels of one kind. */
export interface Transport {
  readonly kind: ChannelKind
  /**
   * Accepts channels until `stop`. `onChannel` is called once each handshake has proved
   * the other side; a handshake that fails or takes longer than 10 s is dropped.
   *
   * @returns what was bound, with the real ports.
   * @throws DamselflyError ADDRESS_IN_USE, or CONFIG_INVALID for an address that this machine does not have
   */
  listen(addresses: readonly ListenAddress[], onChannel: (channel: Channel) => void): Promise<readonly Endpoint[]>
  /**
   * @throws DamselflyError PEER_UNREACHABLE, PEER_IDENTITY, or the signal's reason
   */
  dial(target: DialTarget, protocol: Protocol, signal: AbortSignal): Promise<Channel>
  /** Stops listening and aborts every channel. Idempotent. */
  stop(): Promise<void>
}
