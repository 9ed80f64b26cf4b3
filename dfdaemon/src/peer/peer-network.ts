import { DamselflyError, pause, type Clock, type PeerId, type RateLimiter, type TaskId } from '@damselfly/shared'
import type { Logger } from '@damselfly/shared/logging'
import {
  ConnectionGate,
  createLanePool,
  createPieceServer,
  createTransports,
  formatAddress,
  offeredEndpoints,
  readTicket,
  revokedPeers,
  type Channel,
  type Endpoint,
  type Identity,
  type Lane,
  type LanePool,
  type ListenAddress,
  type ParentInfo,
  type PieceServer,
  type PieceStore,
  type RevokedTickets,
  type SecurityInForce,
  type SecurityPolicy,
  type TicketGrant,
  type Transport,
} from '@damselfly/exchange'

/** Where each kind of channel is accepted; an empty list: not at all. */
export interface PeerListen {
  readonly direct: readonly ListenAddress[]
  readonly libp2p: readonly ListenAddress[]
  readonly plain: readonly ListenAddress[]
}

export interface PeerNetworkOptions {
  readonly identity: Identity
  readonly store: PieceStore
  readonly listen: PeerListen
  /** @default one of its own with the usual limits */
  readonly gate?: ConnectionGate
  readonly advertise: readonly string[]
  /** This side's own least, by which it listens. */
  readonly security: SecurityPolicy
  /** With what the network demands. */
  readonly inForce: SecurityInForce
  readonly uploadSlots: number
  readonly uploadLimiter: RateLimiter
  readonly downloadLimiter: RateLimiter
  /** Whose tickets count. */
  readonly supernodes: () => ReadonlySet<PeerId>
  /** Which do not, although they have not expired. */
  readonly revoked: RevokedTickets
  readonly clock: Clock
  readonly logger: Logger
}

/** Requests that may wait for an upload slot, per slot. */
const WAITING_PER_SLOT = 16

/** Everything of a peer that other peers reach or that reaches them: listeners, piece server, lanes. */
export class PeerNetwork {
  readonly transports: readonly Transport[]
  readonly #options: PeerNetworkOptions
  readonly #server: PieceServer
  readonly #lanes: LanePool
  /** What tickets say, which are shown for each piece anew. */
  readonly #grants = new WeakMap<Uint8Array, TicketGrant>()
  #endpoints: readonly Endpoint[] = []

  constructor(options: PeerNetworkOptions) {
    this.#options = options
    const { identity, store, uploadLimiter, downloadLimiter, uploadSlots, supernodes, revoked, security, inForce, clock, logger } = options
    const gate = options.gate ?? new ConnectionGate({ clock, logger })
    this.transports = createTransports(security, inForce, { identity, clock, gate })
    this.#server = createPieceServer({
      parent: identity.peerId,
      supernodes,
      store,
      uploadLimiter,
      maxOpenRequests: uploadSlots * WAITING_PER_SLOT,
      security: inForce,
      revoked,
      clock,
      logger,
    })
    this.#lanes = createLanePool({ transports: this.transports, security: inForce, clock, downloadLimiter })
    revoked.onChange((revocations) => this.#lanes.cut(revokedPeers(revocations)))
  }

  /** What others are told. */
  get endpoints(): readonly Endpoint[] {
    return this.#endpoints
  }

  /** @throws DamselflyError ADDRESS_IN_USE */
  async start(): Promise<void> {
    const bound: Endpoint[] = []
    try {
      for (const transport of this.transports) {
        const addresses = this.#options.listen[transport.kind]
        if (addresses.length > 0) bound.push(...(await transport.listen(addresses, (channel) => this.#accept(channel))))
      }
    } catch (error) {
      await this.stop(0)
      throw error
    }
    this.#endpoints = offeredEndpoints(this.#options.security, bound, this.#options.advertise)
  }

  /** Lets pieces that are being sent end within `graceMs`. */
  async stop(graceMs: number): Promise<void> {
    await this.#lanes.close()
    const served = new AbortController()
    await Promise.race([this.#server.close().finally(() => served.abort()), pause(this.#options.clock, graceMs, served.signal)])
    await Promise.all(this.transports.map((transport) => transport.stop()))
  }

  /** @param apart the task, if it shall share its lane with no other */
  async lane(parent: ParentInfo, signal: AbortSignal, apart?: TaskId): Promise<Lane> {
    if (this.#options.revoked.isRevoked(this.#grantOf(parent.signedTicket))) {
      throw new DamselflyError('PEER_UNREACHABLE', `the supernode took back the right to ask ${parent.peer}`)
    }
    return this.#lanes.lane(parent, signal, apart)
  }

  describe(): readonly string[] {
    return this.#endpoints.map(({ kind, host, port }) => `${kind} ${formatAddress(host, port)}`)
  }

  #grantOf(signedTicket: Uint8Array): TicketGrant {
    const known = this.#grants.get(signedTicket)
    if (known !== undefined) return known
    const grant = readTicket(signedTicket)
    this.#grants.set(signedTicket, grant)
    return grant
  }

  #accept(channel: Channel): void {
    if (channel.protocol === '/damselfly/piece/1') this.#server.serve(channel)
    // Only supernodes take control channels.
    else void channel.close()
  }
}
