import type { ErrorCode } from '@damselfly/shared'
import { Counter, Histogram, createRegistry, readMetrics, type Registry } from '@damselfly/shared/metrics'

/** Counts that are read when somebody looks. */
export interface MetricSources {
  readonly peers: () => number
  readonly tasks: () => number
  /** Body bytes received from origins. */
  readonly originBytes: () => number
  /** Bytes of pieces that the CDN has sent. */
  readonly cdnServedBytes: () => number
}

/** What the supernode shows to Prometheus. */
export class SupernodeMetrics {
  readonly registry: Registry = createRegistry()
  readonly #assignments: Counter
  readonly #reportedBytes: Counter<'from'>
  readonly #failures: Counter<'reason'>
  readonly #backToSource: Counter<'reason'>
  readonly #registrations: Counter<'result'>
  readonly #announcements: Counter<'limit'>
  readonly #peersRefused: Counter<'code'>
  readonly #heldBack: Counter
  readonly #schedulerSeconds: Histogram<'event'>
  readonly #preheatTargets: Counter<'result'>
  readonly #preheatBytes: Counter

  constructor(sources: MetricSources) {
    const registers = [this.registry]
    const { gauge, counter } = readMetrics(this.registry)
    gauge('damselfly_supernode_peers', 'Peers with a control channel', sources.peers)
    gauge('damselfly_supernode_tasks', 'Tasks that the supernode knows', sources.tasks)
    counter('damselfly_origin_bytes_total', 'Body bytes received from origins', sources.originBytes)
    counter('damselfly_cdn_served_bytes_total', 'Bytes of pieces that the CDN has sent', sources.cdnServedBytes)
    this.#assignments = new Counter({ name: 'damselfly_assignments_total', help: 'Pieces assigned to children', registers })
    this.#reportedBytes = new Counter({
      name: 'damselfly_reported_piece_bytes_total',
      help: 'Bytes of verified pieces that children report, by where they came from',
      labelNames: ['from'],
      registers,
    })
    this.#failures = new Counter({
      name: 'damselfly_piece_failures_total',
      help: 'Pieces that children could not fetch from a parent',
      labelNames: ['reason'],
      registers,
    })
    this.#backToSource = new Counter({
      name: 'damselfly_back_to_source_total',
      help: 'Children sent to the origin itself',
      labelNames: ['reason'],
      registers,
    })
    this.#registrations = new Counter({
      name: 'damselfly_registrations_total',
      help: 'Registrations by result: ok or an error code',
      labelNames: ['result'],
      registers,
    })
    this.#announcements = new Counter({
      name: 'damselfly_announcements_refused_total',
      help: 'Announced contents that do not count, by the limit that their peers met',
      labelNames: ['limit'],
      registers,
    })
    this.#peersRefused = new Counter({
      name: 'damselfly_peers_refused_total',
      help: 'Control channels that were ended since their peers are not let in or broke the protocol, by error code',
      labelNames: ['code'],
      registers,
    })
    this.#heldBack = new Counter({
      name: 'damselfly_control_held_back_seconds_total',
      help: 'Time for which control channels were not heard because their peers had taken more than their share',
      registers,
    })
    this.#preheatTargets = new Counter({
      name: 'damselfly_preheat_targets_total',
      help: 'Contents that peers were asked to preheat, by result: ok or an error code',
      labelNames: ['result'],
      registers,
    })
    this.#preheatBytes = new Counter({ name: 'damselfly_preheat_bytes_total', help: 'Bytes of contents that peers have preheated', registers })
    this.#schedulerSeconds = new Histogram({
      name: 'damselfly_scheduler_seconds',
      help: 'Time that the scheduler took over one event',
      labelNames: ['event'],
      buckets: [0.000_01, 0.000_03, 0.0001, 0.0003, 0.001, 0.003, 0.01, 0.03, 0.1],
      registers,
    })
  }

  assigned(): void {
    this.#assignments.inc()
  }

  pieceReported(from: 'cdn' | 'peer' | 'origin', bytes: number): void {
    this.#reportedBytes.inc({ from }, bytes)
  }

  pieceFailed(reason: string): void {
    this.#failures.inc({ reason })
  }

  sentBackToSource(reason: string): void {
    this.#backToSource.inc({ reason })
  }

  registered(result: string): void {
    this.#registrations.inc({ result })
  }

  announcementRefused(limit: 'claims' | 'tasks-per-peer' | 'tasks'): void {
    this.#announcements.inc({ limit })
  }

  peerRefused(code: ErrorCode): void {
    this.#peersRefused.inc({ code })
  }

  preheated(result: string, bytes: number): void {
    this.#preheatTargets.inc({ result })
    this.#preheatBytes.inc(bytes)
  }

  /** @param ms milliseconds */
  heldBack(ms: number): void {
    this.#heldBack.inc(ms / 1000)
  }

  schedulerTook(event: string, durationMs: number): void {
    this.#schedulerSeconds.observe({ event }, durationMs / 1000)
  }
}
