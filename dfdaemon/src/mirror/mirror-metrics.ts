import { Counter, type Registry } from '@damselfly/shared/metrics'
import type { SourceName } from './content-source.ts'
import type { RegistryReason } from './direct-reason.ts'

/** Where the bytes of an answer came from; `disk` had all of the content before. */
export type MirrorBytesFrom = SourceName | 'disk'

/** What the mirror shows to Prometheus. */
export class MirrorMetrics {
  readonly #bytes: Counter<'from'>
  readonly #reasons: Counter<'reason'>

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
  }

  sent(from: MirrorBytesFrom, bytes: number): void {
    this.#bytes.inc({ from }, bytes)
  }

  askedRegistry(reason: RegistryReason): void {
    this.#reasons.inc({ reason })
  }
}
