import assert from 'node:assert/strict'
import { Counter, createRegistry } from '@damselfly/shared/metrics'

describe('a metrics registry', () => {
  it('has the figures of the process and what is added, apart from any other registry', async () => {
    const [first, second] = [createRegistry(), createRegistry()]
    new Counter({ name: 'damselfly_test_total', help: 'Tests', registers: [first] }).inc(3)
    assert.match(await first.metrics(), /^damselfly_test_total 3$/m)
    assert.match(await second.metrics(), /^process_cpu_seconds_total /m)
    assert.doesNotMatch(await second.metrics(), /damselfly_test_total/)
  })

  it('shows how far the event loop is behind, once and without the pauses between the looks', async () => {
    const registry = createRegistry()
    const lines = (await registry.metrics()).split('\n').filter((line) => line.startsWith('nodejs_eventloop_lag_'))
    assert.deepEqual(lines.map((line) => line.replace(/^nodejs_eventloop_lag_(.*)_seconds .*/, '$1')), ['max', 'mean', 'p50', 'p99'])
    for (const line of lines) assert.ok(Number(line.split(' ')[1]) >= 0, line)
  })
})
