import { DamselflyError, type PeerId } from '@damselfly/shared'
import type { ConnectedPeer } from './connected-peer.ts'
import type { SupernodeNews } from './outbox.ts'

/** Who is connected, by PeerId. */
export class PeerRegister {
  readonly #peers = new Map<PeerId, ConnectedPeer>()
  readonly #maxPeers: number

  constructor(maxPeers: number) {
    this.#maxPeers = maxPeers
  }

  get(peer: PeerId): ConnectedPeer | undefined {
    return this.#peers.get(peer)
  }

  list(): Iterable<ConnectedPeer> {
    return this.#peers.values()
  }

  get count(): number {
    return this.#peers.size
  }

  /** @throws DamselflyError SUPERNODE_OVERLOADED */
  add(peer: ConnectedPeer): void {
    if (this.#peers.size >= this.#maxPeers) {
      throw new DamselflyError('SUPERNODE_OVERLOADED', `${this.#maxPeers} peers are connected already`)
    }
    this.#peers.set(peer.peer, peer)
  }

  remove(peer: ConnectedPeer): void {
    if (this.#peers.get(peer.peer) === peer) this.#peers.delete(peer.peer)
  }

  /** To a peer that is gone, nothing is sent. */
  send(peer: PeerId, news: SupernodeNews): void {
    this.#peers.get(peer)?.session.send(news)
  }
}
