import { toDamselflyError } from '@damselfly/shared'
import { Counter, readMetrics, type Registry } from '@damselfly/shared/metrics'
import type { BytesFrom, DownloadProgress, Peer } from '../peer/peer.ts'
import type { Outcome } from './download-handles.ts'

const SOURCES = ['held', 'peers', 'cdn', 'origin'] as const satisfies readonly (keyof BytesFrom)[]

/** What the daemon shows to Prometheus about its peer and the downloads of local callers. */
export class DownloadMetrics {
  readonly #results: Counter<'result'>
  readonly #bytes: Counter<'from'>
  readonly #backToSource: Counter<'reason'>
  /** Callers who share a download see it end with one and the same object. */
  readonly #counted = new WeakSet<object>()

  constructor(registry: Registry, peer: Peer) {
    const registers = [registry]
    const { gauge, counter } = readMetrics(registry)
    gauge('damselfly_peer_downloads', 'Downloads that run', () => peer.status().downloads)
    gauge('damselfly_peer_tasks', 'Tasks of which pieces are held', () => peer.status().tasks)
    gauge('damselfly_peer_used_bytes', 'Bytes of verified pieces on disk', () => peer.status().usedBytes)
    counter('damselfly_peer_evicted_tasks_total', 'Tasks deleted to make room on the disk', () => peer.collector.totals.evictedTasks)
    counter('damselfly_peer_evicted_bytes_total', 'Bytes of tasks deleted to make room on the disk', () => peer.collector.totals.evictedBytes)
    gauge('damselfly_peer_supernode_connected', '1 while there is a control channel to a supernode', () =>
      peer.status().supernode.type === 'connected' ? 1 : 0,
    )
    this.#results = new Counter({
      name: 'damselfly_peer_download_results_total',
      help: 'Downloads of callers by result: ok or an error code',
      labelNames: ['result'],
      registers,
    })
    this.#bytes = new Counter({
      name: 'damselfly_peer_download_bytes_total',
      help: 'Bytes of ended downloads by where they came from; held ones were on this disk before',
      labelNames: ['from'],
      registers,
    })
    this.#backToSource = new Counter({
      name: 'damselfly_peer_back_to_source_total',
      help: 'Downloads that used the origin itself, by reason',
      labelNames: ['reason'],
      registers,
    })
  }

  ended(outcome: Outcome, progress: DownloadProgress): void {
    const isFinished = outcome.type === 'finished'
    this.#results.inc({ result: isFinished ? 'ok' : toDamselflyError(outcome.error).code })
    const identity = isFinished ? outcome.result : outcome.error
    if (typeof identity === 'object' && identity !== null) {
      if (this.#counted.has(identity)) return
      this.#counted.add(identity)
    }
    for (const from of SOURCES) this.#bytes.inc({ from }, progress.bytesFrom[from])
    if (progress.backToSource !== undefined) this.#backToSource.inc({ reason: progress.backToSource })
  }
}
