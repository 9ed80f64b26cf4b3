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
})
