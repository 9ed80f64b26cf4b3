import { DamselflyError } from '@damselfly/shared'
import type { ChannelKind } from '../channel/channel.ts'
import { CIPHERS, isCipher, NOISE_CIPHER, type Cipher } from '../channel/cipher-choice.ts'
import { allows, isSecurityPolicy, stricterOf, type SecurityPolicy } from './security.ts'

/** What channels must have at least. */
export interface ChannelDemands {
  readonly security: SecurityPolicy
  /** That encrypted channels may use; at least one. @default all */
  readonly ciphers?: readonly Cipher[]
}

/** A network that demands nothing of its own. */
export const NO_DEMANDS: ChannelDemands = { security: 'plain' }

/** What a peer keeps to until its supernode has told what the network demands. */
export const UNTOLD_DEMANDS: ChannelDemands = { security: 'tls' }

/**
 * What this side demands of channels now: of its own settings and of what the supernode demands for the whole network the
 * stricter, in each respect. A supernode that is gone is obeyed until another one says something else.
 */
export class SecurityInForce {
  readonly #own: ChannelDemands
  #network: ChannelDemands

  /** @throws DamselflyError CONFIG_INVALID when no kind of channel could be used */
  constructor(own: ChannelDemands, network: ChannelDemands = NO_DEMANDS) {
    this.#own = own
    this.#network = network
    this.#check('CONFIG_INVALID')
  }

  get policy(): SecurityPolicy {
    return stricterOf(this.#own.security, this.#network.security)
  }

  readonly ciphers = (): readonly Cipher[] => {
    const { ciphers: own = CIPHERS } = this.#own
    const { ciphers: network = CIPHERS } = this.#network
    return own.filter((cipher) => network.includes(cipher))
  }

  /** Whether a channel of this kind may go to, or come from, that host now. */
  allows(kind: ChannelKind, host: string): boolean {
    return this.canUse(kind) && allows(this.policy, kind, host)
  }

  /** Whether the ciphers leave this kind of channel at all. */
  canUse(kind: ChannelKind): boolean {
    return kind !== 'libp2p' || this.ciphers().includes(NOISE_CIPHER)
  }

  /** @throws DamselflyError SECURITY_MISMATCH when this side's settings leave nothing that the network allows */
  networkDemands(network: ChannelDemands): void {
    const before = this.#network
    this.#network = network
    try {
      this.#check('SECURITY_MISMATCH')
    } catch (error) {
      this.#network = before
      throw error
    }
  }

  #check(code: 'CONFIG_INVALID' | 'SECURITY_MISMATCH'): void {
    const [policy, ciphers] = [this.policy, this.ciphers()]
    if (ciphers.length > 0 && (policy !== 'noise' || this.canUse('libp2p'))) return
    const { ciphers: own = CIPHERS, security } = this.#own
    const { ciphers: network = CIPHERS, security: least } = this.#network
    throw new DamselflyError(
      code,
      `no channel has both what is demanded here (${security}; ${own.join(', ')}) and in the network (${least}; ${network.join(', ')})`,
    )
  }
}

/** @param ciphers empty: any @throws DamselflyError PROTOCOL when this version knows no such policy, or none of the ciphers */
export function readDemands(security: string, ciphers: readonly string[]): ChannelDemands {
  // A supernode of an older version demands nothing.
  if (security === '') return NO_DEMANDS
  if (!isSecurityPolicy(security)) throw new DamselflyError('PROTOCOL', `'${security.slice(0, 40)}' is no security policy`)
  const known = ciphers.filter(isCipher)
  if (known.length < Math.min(1, ciphers.length)) throw new DamselflyError('PROTOCOL', 'none of the ciphers of the network is known')
  return ciphers.length === 0 ? { security } : { security, ciphers: known }
}
