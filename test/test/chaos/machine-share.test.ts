import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { MachineShare } from '../../src/chaos/machine-share.ts'

describe('the share of the machine that programs get in chaos', () => {
  it('takes what was not looked at as given', () => {
    const share = new MachineShare(() => [], () => 0)
    assert.equal(share.given(5, 12), 7)
    assert.deepEqual(share.spells(), [])
  })

  it('is less where programs wait for a processor', async () => {
    // More than there are processors for, on one that they share.
    const busy = Array.from({ length: 6 }, () => spawn('taskset', ['-c', '0', process.execPath, '-e', 'for (;;);']))
    const started = performance.now()
    const now = (): number => (performance.now() - started) / 1000
    const share = new MachineShare(() => busy.flatMap(({ pid }) => pid ?? []), now)
    const ending = new AbortController()
    const watching = share.watch(ending.signal)
    try {
      await share.timeout(1, ending.signal)
      assert.ok(share.given(0, now()) < now() - 0.3, `was given ${share.given(0, now())} of ${now()} s`)
    } finally {
      ending.abort()
      for (const one of busy) one.kill('SIGKILL')
      await watching
    }
  })
})
