import { join } from 'node:path'
import { messageOf, type PeerId } from '@damselfly/shared'
import type { Logger } from '@damselfly/shared/logging'
import { formatSupernodeAddress, keptDemandsFile, type ChannelDemands, type KeptDemands, type KnownSupernodes, type SecurityInForce, type SupernodeAddress } from '@damselfly/exchange'

export interface NetworkDemandsInit {
  /** Where they are kept. */
  readonly directory: string
  readonly inForce: SecurityInForce
  readonly supernodes: readonly SupernodeAddress[]
  readonly known: Pick<KnownSupernodes, 'seenAt'>
  readonly logger: Logger
}

/** Puts in force what the supernode demands of channels, and what it demanded last until it speaks again. */
export class NetworkDemands {
  readonly #init: NetworkDemandsInit
  readonly #kept: KeptDemands

  constructor(init: NetworkDemandsInit) {
    this.#init = init
    this.#kept = keptDemandsFile(join(init.directory, 'network-demands.json'))
  }

  /** A start: what one of our supernodes said last holds until one says something else. @throws DamselflyError CONFIG_INVALID, DISK_DENIED, DISK_FAILED */
  async recall(): Promise<void> {
    const { inForce, logger } = this.#init
    const told = await this.#kept.read()
    if (told === undefined || !(await this.#ours()).has(told.supernode)) return
    try {
      inForce.networkDemands(told.demands)
    } catch (error) {
      logger.warn({ supernode: told.supernode, reason: messageOf(error) }, 'the settings here leave nothing that the network allowed last')
    }
  }

  /** @throws DamselflyError SECURITY_MISMATCH */
  told(demands: ChannelDemands, supernode: PeerId): void {
    this.#init.inForce.networkDemands(demands)
    this.#kept.keep({ supernode, demands }).catch((error: unknown) => {
      this.#init.logger.error({ reason: messageOf(error) }, 'what the network demands could not be kept; a restart without supernode forgets it')
    })
  }

  /** Supernodes whose word counts here: those that are pinned, and those that were seen at addresses that are not. */
  async #ours(): Promise<ReadonlySet<PeerId>> {
    const { supernodes, known } = this.#init
    const pinned = supernodes.flatMap(({ peer }) => (peer === undefined ? [] : [peer]))
    const seen = await known.seenAt(supernodes.filter(({ peer }) => peer === undefined).map(formatSupernodeAddress))
    return new Set([...pinned, ...seen])
  }
}
