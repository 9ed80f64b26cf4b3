import type { SourceClient } from '@damselfly/cdn'
import { DamselflyError, formatDigest, toDamselflyError, type Clock, type Sha256 } from '@damselfly/shared'
import type { Logger } from '@damselfly/shared/logging'
import type { ContentRange } from '../http/range.ts'
import type { Peer } from '../peer/peer.ts'
import { directReason, type DirectReason, type RegistryReason } from './direct-reason.ts'
import type { MirrorMetrics } from './mirror-metrics.ts'
import { RegistrySource } from './registry-source.ts'
import { unlessStalled } from './stall-limit.ts'
import { SteadyContent } from './steady-content.ts'
import { streamed, SwarmSource, type BegunContent } from './swarm-source.ts'

export interface ContentOpenerInit {
  readonly peer: Peer
  /** Reads from registries past the peer. */
  readonly source: SourceClient
  /** How long a source may bring nothing before another one is asked; milliseconds. */
  readonly stallMs: number
  readonly metrics: MirrorMetrics
  readonly clock: Clock
  readonly logger: Logger
}

/** What a client asks for, and where its registry has it. */
export interface WantedContent {
  readonly url: string
  readonly digest: Sha256
  /** What the registry is to see of the client, credentials among them. */
  readonly headers: readonly (readonly [string, string])[]
}

/** A content that can be read, whatever becomes of one of its sources. */
export interface OpenedContent {
  /** Bytes. */
  readonly contentLength: number
  /** Whether all of it was on this disk before. */
  readonly wasHere: boolean
  /** Why the registry has been asked, if it has. */
  readonly reason: () => RegistryReason | undefined
  /** A part in order; what is yielded is good until the next is asked for. @throws DamselflyError when no source goes on; the signal's reason */
  readonly read: (range: ContentRange) => AsyncIterable<Uint8Array>
  /** To be called once nobody needs it. Idempotent. */
  readonly close: () => Promise<void>
}

/** Opens contents: through the peer, else straight from their registry. */
export class ContentOpener {
  readonly #init: ContentOpenerInit

  constructor(init: ContentOpenerInit) {
    this.#init = init
  }

  /**
   * Resolves when the byte at `start` can be shown, so that what goes wrong before that can still be answered otherwise.
   *
   * @throws DamselflyError what the registry says when nobody has it; the signal's reason
   */
  async open(wanted: WantedContent, start: number, signal: AbortSignal): Promise<OpenedContent> {
    const { peer, source } = this.#init
    const swarm = new SwarmSource(peer, streamed(wanted))
    const registry = new RegistrySource({ source, url: wanted.url, headers: new Map(wanted.headers) })
    let begun: BegunContent | undefined
    let direct: DirectReason | undefined
    const giveUp = (error: DamselflyError, at: number): void => {
      const reason = directReason(error)
      this.#init.logger.warn({ digest: formatDigest(wanted.digest), reason, code: error.code, error: error.message, at }, 'the registry itself is asked')
      direct ??= reason
    }
    try {
      begun = await this.#begin(swarm, start, signal)
    } catch (error) {
      await swarm.giveUp()
      signal.throwIfAborted()
      giveUp(toDamselflyError(error), start)
    }
    const wasHere = begun?.wasHere === true
    const contentLength = begun?.contentLength ?? (await registry.contentLength(signal))
    const steady = new SteadyContent(
      {
        ...this.#init,
        sources: [swarm, registry],
        onGivenUp: (from, error, at) => (from === swarm ? giveUp(error, at) : this.#noteFailure(wanted, error, at)),
        onBytes: (from, bytes) => this.#init.metrics.sent(wasHere && from === swarm ? 'disk' : from.name, bytes),
      },
      begun === undefined ? 1 : 0,
    )
    const reason = (): RegistryReason | undefined => direct ?? swarm.backToSource
    return {
      contentLength,
      wasHere,
      reason,
      read: (range) => steady.read(range, signal),
      close: async () => {
        await swarm.giveUp()
        const why = reason()
        if (why !== undefined) this.#init.metrics.askedRegistry(why)
      },
    }
  }

  async #begin(swarm: SwarmSource, start: number, signal: AbortSignal): Promise<BegunContent> {
    const once = async function* (until: AbortSignal): AsyncGenerator<BegunContent> {
      yield await swarm.begin(start, until)
    }
    for await (const begun of unlessStalled(once, () => swarm.progress(), this.#init, signal)) return begun
    throw new DamselflyError('CANCELLED', 'nothing was begun')
  }

  #noteFailure({ digest }: WantedContent, { code, message }: DamselflyError, at: number): void {
    this.#init.logger.warn({ digest: formatDigest(digest), code, error: message, at }, 'a registry broke off')
  }
}
