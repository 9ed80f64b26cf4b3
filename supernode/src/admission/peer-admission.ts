import { DamselflyError, messageOf, type Clock, type PeerId } from '@damselfly/shared'
import type { Logger } from '@damselfly/shared/logging'
import type { ApiToken } from '../access/api-tokens.ts'
import type { AuditLog } from '../access/audit-log.ts'
import type { PeerStanding, PeerStandings } from './peer-standings.ts'

/** Which peers may join: everyone that was not revoked; those with a join token too; only those that somebody named. */
export const ADMISSION_MODES = ['open', 'token', 'list'] as const
export type AdmissionMode = (typeof ADMISSION_MODES)[number]

export interface PeerAdmissionInit {
  readonly mode: AdmissionMode
  /** Peers that the configuration names. */
  readonly allowed: ReadonlySet<PeerId>
  /** Loaded. */
  readonly standings: PeerStandings
  readonly tokens: { redeem(text: string): ApiToken | undefined }
  readonly audit: Pick<AuditLog, 'record'>
  readonly clock: Clock
  readonly logger: Logger
}

/** Decides which peers are let into the network, and remembers it. */
export class PeerAdmission {
  readonly mode: AdmissionMode
  readonly #init: PeerAdmissionInit
  readonly #listeners = new Set<(peer: PeerId) => void>()

  constructor(init: PeerAdmissionInit) {
    this.mode = init.mode
    this.#init = init
  }

  /** Whether the peer is in the network, without a look at what it could show. */
  isAdmitted(peer: PeerId): boolean {
    const { allowed, standings } = this.#init
    const state = standings.get(peer)?.state
    return state === undefined ? this.mode === 'open' || allowed.has(peer) : state === 'admitted'
  }

  /**
   * Lets in who may come, and whoever shows a join token where tokens count; that peer needs it no more.
   *
   * @param joinToken empty: none
   * @param address where the peer comes from, for the audit log
   * @throws DamselflyError PEER_NOT_ADMITTED
   */
  check(peer: PeerId, joinToken: string, address: string): void {
    if (this.isAdmitted(peer)) return
    const { standings, tokens } = this.#init
    if (standings.get(peer)?.state === 'revoked') throw refusal(peer, 'somebody revoked it; only `dfget peer admit` lets it in again')
    if (this.mode === 'list') throw refusal(peer, 'it is not on the list; `dfget peer admit` puts it there')
    if (joinToken === '') throw refusal(peer, 'it shows no join token (`joinTokenFile`)')
    const token = tokens.redeem(joinToken)
    if (token === undefined) throw refusal(peer, 'its join token is unknown, expired, revoked or used up')
    this.#joined(peer, token, address)
  }

  /** Everybody of whom something was decided here, and who the configuration names. */
  list(): readonly PeerStanding[] {
    const { allowed, standings } = this.#init
    const named = [...allowed].filter((peer) => standings.get(peer) === undefined)
    const since = new Date(0).toISOString()
    return [...standings.list(), ...named.map((peer): PeerStanding => ({ peer, state: 'admitted', at: since, by: 'configuration', note: '' }))]
  }

  /** Also one that was revoked. @throws DamselflyError as the disk fails */
  async admit(peer: PeerId, by: string, note: string): Promise<PeerStanding> {
    return this.#decide({ peer, state: 'admitted', at: this.#now(), by, note })
  }

  /** Puts it out of the network, at once and until somebody admits it again. @throws DamselflyError as the disk fails; it holds all the same until the end of the program */
  async revoke(peer: PeerId, by: string, note: string): Promise<PeerStanding> {
    const decided = this.#decide({ peer, state: 'revoked', at: this.#now(), by, note })
    for (const listener of this.#listeners) listener(peer)
    return decided
  }

  /** Called when a peer was revoked. */
  onRevoked(listener: (peer: PeerId) => void): void {
    this.#listeners.add(listener)
  }

  #joined(peer: PeerId, { id, name }: ApiToken, address: string): void {
    const { audit, logger } = this.#init
    const kept = this.#decide({ peer, state: 'admitted', at: this.#now(), by: `token ${id}`, note: name })
    kept.catch((error: unknown) => logger.error({ peer, reason: messageOf(error) }, 'a peer joined and will need its token again'))
    logger.info({ peer, address, token: id }, 'a peer joined')
    void audit.record({ who: peer, role: 'peer', address, action: 'join', target: peer, given: { token: id, name }, status: 200, code: null })
  }

  async #decide(standing: PeerStanding): Promise<PeerStanding> {
    await this.#init.standings.set(standing)
    return standing
  }

  #now(): string {
    return new Date(this.#init.clock.wallTime()).toISOString()
  }
}

/** Of a peer that is not let in, or not any more. */
export function refusal(peer: PeerId, why: string): DamselflyError {
  return new DamselflyError('PEER_NOT_ADMITTED', `the supernode does not admit the peer ${peer}: ${why}`)
}
