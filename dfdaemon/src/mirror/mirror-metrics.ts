import { Counter, type Registry } from '@damselfly/shared/metrics'
import type { SourceName } from './content-source.ts'
import type { RegistryReason } from './direct-reason.ts'

/** Where the bytes of an answer came from; `disk` had all of the content before. */
export type MirrorBytesFrom = SourceName | 'disk'

/** What the mirror shows to Prometheus. */
export class MirrorMetrics {
  readonly #bytes: Counter<'from'>
  readonly #reasons: Counter<'reason'>
  readonly #stale: Counter<'what'>

  constructor(registry: Registry) {
    const registers = [registry]
    this.#bytes = new Counter({
      name: 'damselfly_mirror_bytes_total',
      help: 'Bytes of blobs given to container tools, by where they came from: this disk, the swarm, or the registry past it',
      labelNames: ['from'],
      registers,
    })
    this.#reasons = new Counter({
      name: 'damselfly_mirror_back_to_source_total',
      help: 'Contents for which the registry itself was asked, by reason',
      labelNames: ['reason'],
      registers,
    })
    this.#stale = new Counter({
      name: 'damselfly_mirror_stale_total',
      help: 'Times that a registry failed and what it had said before counted: what a tag means, or whom it lets in',
      labelNames: ['what'],
      registers,
    })
  }

  /** The registry failed, and what it said before counted. */
  usedStale(what: 'tag' | 'access'): void {
    this.#stale.inc({ what })
  }

  sent(from: MirrorBytesFrom, bytes: number): void {
    this.#bytes.inc({ from }, bytes)
  }

  askedRegistry(reason: RegistryReason): void {
    this.#reasons.inc({ reason })
  }
}
