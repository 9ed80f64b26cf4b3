import { Counter, type Registry } from '@damselfly/shared/metrics'

/** What became of a request or a tunnel. */
export type ProxyOutcome = 'swarm' | 'registry' | 'direct' | 'redirected' | 'tunnelled' | 'refused' | 'failed'

/** What the proxy shows to Prometheus. */
export class ProxyMetrics {
  readonly #requests: Counter<'outcome'>

  constructor(registry: Registry) {
    this.#requests = new Counter({
      name: 'damselfly_proxy_requests_total',
      help: 'Requests and tunnels of the forward proxy, by what became of them',
      labelNames: ['outcome'],
      registers: [registry],
    })
  }

  count(outcome: ProxyOutcome): void {
    this.#requests.inc({ outcome })
  }
}
