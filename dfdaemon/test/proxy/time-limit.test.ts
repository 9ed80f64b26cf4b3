import assert from 'node:assert/strict'
import { withinTime } from '../../src/proxy/time-limit.ts'

/** Lets time pass without the processor, as where others have it; milliseconds. */
function standStill(ms: number): void {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, ms)
}

describe('work within a time', () => {
  it('gives its result, or what it throws', () => {
    assert.equal(withinTime(() => 7, 1000), 7)
    assert.throws(() => withinTime(() => { throw new TypeError('no') }, 1000), TypeError)
  })

  it('is ended when it takes too long', () => {
    assert.throws(() => withinTime(() => { for (;;); }, 20), { code: 'ERR_SCRIPT_EXECUTION_TIMEOUT' })
  })

  it('begins anew when others had the processor, but not for ever', () => {
    let tries = 0
    assert.equal(withinTime(() => {
      if (++tries < 3) standStill(5000)
      return tries
    }, 50), 3)
    assert.throws(() => withinTime(() => standStill(5000), 20), { code: 'ERR_SCRIPT_EXECUTION_TIMEOUT' })
  })
})
