import assert from 'node:assert/strict'
import {
  formatByteRate,
  formatByteSize,
  formatDuration,
  parseByteRate,
  parseByteSize,
  parseDuration,
} from '@damselfly/shared/config'
import fc from 'fast-check'

function table(read: (text: string) => number | undefined, cases: Readonly<Record<string, number | undefined>>): void {
  for (const [text, value] of Object.entries(cases)) {
    it(value === undefined ? `refuses '${text}'` : `reads '${text}' as ${value}`, () => assert.equal(read(text), value))
  }
}

function survives(read: (text: string) => number | undefined, write: (value: number) => string): void {
  it('reads what it writes', () => {
    fc.assert(
      fc.property(fc.oneof(fc.maxSafeNat(), fc.nat(100_000)), (value) => assert.equal(read(write(value)), value)),
    )
  })
  it('gives a whole number or nothing for any text', () => {
    fc.assert(
      fc.property(
        fc.oneof(fc.string(), fc.stringMatching(/^\d{0,20}[.e]?\d{0,3} ?[kKmMgGtTpPiBbs/dhx]{0,4}$/)),
        (text) => {
          const value = read(text)
          assert.ok(value === undefined || (Number.isSafeInteger(value) && value >= 0))
        },
      ),
    )
  })
}

describe('sizes', () => {
  table(parseByteSize, {
    '0': 0,
    '512': 512,
    '512B': 512,
    '1KiB': 1024,
    '1KB': 1000,
    '1 kb': 1000,
    '64k': 65_536,
    '10MiB': 10_485_760,
    '1.5 GiB': 1_610_612_736,
    ' 1 GB ': 1_000_000_000,
    '2T': 2_199_023_255_552,
    '9PiB': undefined,
    '-1': undefined,
    '1e3': undefined,
    '10 parsecs': undefined,
    '1iB': undefined,
    '1.': undefined,
    MiB: undefined,
    '': undefined,
  })
  survives(parseByteSize, formatByteSize)
})

describe('rates', () => {
  table(parseByteRate, {
    '0': 0,
    '10MiB/s': 10_485_760,
    '2M': 2_097_152,
    '1 MBps': 1_000_000,
    '100Mbit/s': 12_500_000,
    '8 bit': 1,
    '1 gbit': 125_000_000,
    '10MiB/h': undefined,
    '/s': undefined,
    '1//s': undefined,
  })
  survives(parseByteRate, formatByteRate)
})

describe('durations', () => {
  table(parseDuration, {
    '0': 0,
    '250ms': 250,
    '30s': 30_000,
    '1.5s': 1500,
    '5m': 300_000,
    '1h30m': 5_400_000,
    '1H 30M': 5_400_000,
    '7d': 604_800_000,
    '30': undefined,
    '5 minutes': undefined,
    '-5s': undefined,
    s: undefined,
    '': undefined,
  })
  survives(parseDuration, formatDuration)
})
