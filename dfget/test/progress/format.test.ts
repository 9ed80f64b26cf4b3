import assert from 'node:assert/strict'
import fc from 'fast-check'
import { formatBytes, formatRemaining, percentOf } from '../../src/progress/format.ts'
import { SpeedMeter } from '../../src/progress/speed-meter.ts'

describe('figures for people', () => {
  it('show bytes with three significant digits', () => {
    const shown = [0, 999, 1000, 1024, 10 * 1024, 1536 * 1024, 1024 ** 3, 150 * 1024 ** 3].map(formatBytes)
    assert.deepEqual(shown, ['0 B', '999 B', '0.98 KiB', '1.00 KiB', '10.0 KiB', '1.50 MiB', '1.00 GiB', '150 GiB'])
  })

  it('never show more than six characters of bytes and a unit', () => {
    fc.assert(fc.property(fc.nat({ max: 2 ** 50 }), (bytes) => /^\d{1,3}(\.\d{1,2})? ([KMGTP]i)?B$/.test(formatBytes(bytes))))
  })

  it('show remaining time', () => {
    const shown = [0.2, 59, 200, 7500, 400_000, Number.POSITIVE_INFINITY, Number.NaN].map(formatRemaining)
    assert.deepEqual(shown, ['1s', '59s', '3m20s', '2h05m', '>4d', '--', '--'])
  })

  it('say 100% only of everything', () => {
    assert.equal(percentOf(999_999, 1_000_000), 99)
    assert.equal(percentOf(1, 1), 100)
    assert.equal(percentOf(0, 0), 0)
  })
})

describe('the speed meter', () => {
  it('looks at the last three seconds', () => {
    const meter = new SpeedMeter()
    assert.equal(meter.bytesPerSecond, 0)
    for (let second = 0; second <= 10; second++) meter.record(second * 1000, Math.max(0, second - 5) * 600)
    assert.equal(meter.bytesPerSecond, 600)
  })
})
