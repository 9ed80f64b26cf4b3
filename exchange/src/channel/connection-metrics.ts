import { Counter, readMetrics, type Registry } from '@damselfly/shared/metrics'
import { REFUSALS, type ConnectionGate } from './connection-gate.ts'

/** Shows who is connected, and how often somebody was turned away. */
export function exposeConnections(registry: Registry, gate: ConnectionGate): void {
  const { gauge } = readMetrics(registry)
  gauge('damselfly_connections', 'Connections of other peers', () => gate.open)
  gauge('damselfly_handshakes', 'Connections of other peers that have not proved who they are', () => gate.handshakes)
  const refused: Counter<'limit'> = new Counter({
    name: 'damselfly_connections_refused_total',
    help: 'Connections and channels that were turned away, by the limit that they met',
    labelNames: ['limit'],
    registers: [registry],
    collect: () => {
      refused.reset()
      for (const limit of REFUSALS) refused.inc({ limit }, gate.refused(limit))
    },
  })
}
