import type { PeerId } from '@damselfly/shared'

/** Keeps signatures made for one purpose from being used for another. */
export type SigningContext = 'damselfly/ticket/1' | 'damselfly/ticket-key/1' | 'damselfly/manifest/1' | 'damselfly/plain-handshake/1'

/** A node's Ed25519 key pair. Its public key is its PeerId. */
export interface Identity {
  readonly peerId: PeerId
  /** Ed25519 over the context, a zero byte and `bytes`; 64 bytes. */
  sign(context: SigningContext, bytes: Uint8Array): Uint8Array
  /** The key as `privateKeyToProtobuf` of libp2p writes it; for transports only. */
  readonly privateKeyProtobuf: Uint8Array
}
