import assert from 'node:assert/strict'
import { EventEmitter } from 'node:events'
import { StopSignals } from '../../src/cli/stop-signals.ts'

describe('stop signals', () => {
  it('ask first for a graceful stop, then for an immediate one', async () => {
    const source = new EventEmitter()
    const signals = new StopSignals(source)
    source.emit('SIGTERM', 'SIGTERM')
    assert.equal(await signals.first, 'SIGTERM')
    source.emit('SIGINT', 'SIGINT')
    assert.equal(await signals.second, 'SIGINT')
    signals.close()
    assert.deepEqual(source.eventNames(), [])
  })
})
