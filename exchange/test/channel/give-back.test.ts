import assert from 'node:assert/strict'
import { giveBack } from '../../src/channel/give-back.ts'

describe('memory that is given back', () => {
  it('is free at once, without waiting for the garbage collector', () => {
    const before = process.memoryUsage().arrayBuffers
    const bytes = Buffer.allocUnsafeSlow(8 * 1024 * 1024)
    assert.ok(process.memoryUsage().arrayBuffers >= before + 8 * 1024 * 1024)
    giveBack(bytes)
    assert.ok(process.memoryUsage().arrayBuffers < before + 1024 * 1024)
    assert.equal(bytes.length, 0)
  })

  it('may be given back twice, and stays where it is not worth it', () => {
    const [large, small] = [new Uint8Array(5000), new Uint8Array(100)]
    for (const bytes of [large, large, small]) giveBack(bytes)
    assert.deepEqual([large.length, small.length], [0, 100])
  })
})
