import { DamselflyError, type PeerId, type Sha256 } from '@damselfly/shared'
import type { Logger } from '@damselfly/shared/logging'
import type { Passthrough } from './passthrough.ts'
import type { Swarm } from './swarm.ts'

/** Of the pieces that peers have fetched, the part that is read again. */
const SAMPLED = 1 / 32

/** Readings at once; what would be one too many is not read. */
const AT_ONCE = 2

export interface DigestSamplesInit {
  readonly passthrough: Passthrough | undefined
  /** From 0 to below 1. */
  readonly random: () => number
  readonly stopping: AbortSignal
  readonly logger: Logger
}

/** Reads a few of the pieces that only one peer has seen again, so that one who lies about many of them is found out. */
export class DigestSamples {
  readonly #init: DigestSamplesInit
  readonly #liars = new Set<PeerId>()
  #running = 0

  constructor(init: DigestSamplesInit) {
    this.#init = init
  }

  /** Whether what this peer tells has never been found to be wrong. */
  believes(peer: PeerId): boolean {
    return !this.#liars.has(peer)
  }

  /** @param digest that `finder` alone has told of the piece */
  consider(swarm: Swarm, finder: PeerId, index: number, digest: Sha256): void {
    const { random } = this.#init
    const { isPrivate } = swarm.content
    // Only callers' credentials open a private content, and those are not kept.
    if (isPrivate || this.#running >= AT_ONCE || random() >= SAMPLED) return
    this.#running++
    void this.#check(swarm, finder, index, digest)
      .catch((error: unknown) => this.#init.logger.warn({ err: error, task: swarm.taskId }, 'a piece could not be sampled'))
      .finally(() => this.#running--)
  }

  async #check(swarm: Swarm, finder: PeerId, index: number, digest: Sha256): Promise<void> {
    const { passthrough, stopping, logger } = this.#init
    const { content, spec, taskId } = swarm
    const piece = content.layout?.piece(index)
    if (passthrough === undefined || piece === undefined) return
    const isRight = await passthrough.confirms(spec, content.validators, piece, digest, stopping)
    if (isRight !== false || swarm.content !== content) return
    this.#liars.add(finder)
    logger.warn({ task: taskId, peer: finder, piece: index }, 'a peer told a digest that the piece does not have')
    swarm.reset(new DamselflyError('ORIGIN_CHANGED', 'a peer told wrong digests of this content'))
  }
}
