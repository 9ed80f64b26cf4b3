import assert from 'node:assert/strict'
import { isDamselflyError } from '@damselfly/shared'
import fc from 'fast-check'
import { parseRange } from '../src/range.ts'

describe('--range', () => {
  it('reads START-END and START-', () => {
    assert.deepEqual(parseRange('10-19'), { start: 10, end: 19 })
    assert.deepEqual(parseRange('10-'), { start: 10, end: undefined })
    assert.deepEqual(parseRange(' 0-0 '), { start: 0, end: 0 })
  })

  it('refuses anything else with USAGE', () => {
    for (const text of ['', '-', '-5', '5', '9-3', 'a-b', '1-2,4-5', 'bytes=1-2', '0x1-2', '99999999999999999999-']) {
      assert.throws(() => parseRange(text), (error) => isDamselflyError(error, 'USAGE'), text)
    }
  })

  it('gives back every range that it is written from', () => {
    fc.assert(
      fc.property(fc.maxSafeNat(), fc.maxSafeNat(), (a, b) => {
        const [start, end] = [Math.min(a, b), Math.max(a, b)]
        assert.deepEqual(parseRange(`${start}-${end}`), { start, end })
      }),
    )
  })
})
