import assert from 'node:assert/strict'
import { isDamselflyError } from '@damselfly/shared'
import fc from 'fast-check'
import { asksForSuffix, firstByteOf, parseRangeHeader, parseRanges } from '../../src/http/range.ts'

describe('a Range header', () => {
  it('asks for a part, the rest, or the end', () => {
    assert.deepEqual(parseRangeHeader('bytes=2-5', 10), { start: 2, end: 5 })
    assert.deepEqual(parseRangeHeader('bytes=2-', 10), { start: 2, end: 9 })
    assert.deepEqual(parseRangeHeader('bytes=-3', 10), { start: 7, end: 9 })
    assert.deepEqual(parseRangeHeader('bytes=-30', 10), { start: 0, end: 9 })
    assert.deepEqual(parseRangeHeader('bytes=2-50', 10), { start: 2, end: 9 })
  })

  it('means everything when it is several ranges, another unit or nonsense', () => {
    assert.equal(parseRangeHeader(undefined, 10), undefined)
    for (const header of ['', 'bytes=0-1,3-4', 'lines=1-2', 'bytes=-', 'bytes=5-2', 'bytes=a-b']) {
      assert.equal(parseRangeHeader(header, 10), undefined, header)
    }
  })

  it('is refused past the end', () => {
    for (const header of ['bytes=10-', 'bytes=10-12', 'bytes=-0']) {
      assert.throws(() => parseRangeHeader(header, 10), (error) => isDamselflyError(error, 'RANGE_UNSATISFIABLE'), header)
    }
    assert.throws(() => parseRangeHeader('bytes=-1', 0), (error) => isDamselflyError(error, 'RANGE_UNSATISFIABLE'))
  })

  it('never leads outside the content, whatever it says', () => {
    const header = fc.oneof(fc.string(), fc.stringMatching(/^bytes=\d{0,20}-\d{0,20}$/))
    fc.assert(
      fc.property(header, fc.nat(), (text, length) => {
        let range
        try {
          range = parseRangeHeader(text, length)
        } catch (error) {
          return isDamselflyError(error, 'RANGE_UNSATISFIABLE')
        }
        return range === undefined || (range.start >= 0 && range.start <= range.end && range.end < length)
      }),
    )
  })

  it('asks for several parts, of which those past the end are left out', () => {
    assert.deepEqual(parseRanges('bytes=0-1,4-4 , -2', 10), [{ start: 0, end: 1 }, { start: 4, end: 4 }, { start: 8, end: 9 }])
    assert.deepEqual(parseRanges('bytes=0-1,20-30', 10), [{ start: 0, end: 1 }])
    assert.throws(() => parseRanges('bytes=10-11,20-', 10), (error) => isDamselflyError(error, 'RANGE_UNSATISFIABLE'))
  })

  it('means everything when its parts are more than the whole, or too many', () => {
    assert.equal(parseRanges('bytes=0-,0-,0-', 10), undefined)
    assert.equal(parseRanges(`bytes=${Array.from({ length: 5000 }, () => '0-0').join(',')}`, 10_000), undefined)
  })

  it('tells the first byte that it asks for', () => {
    assert.equal(firstByteOf('bytes=7-,3-4', undefined), 7)
    assert.equal(firstByteOf('bytes=-3', 10), 7)
    assert.equal(firstByteOf(undefined, 10), 0)
    assert.deepEqual(['bytes=-3', 'bytes=1-2', 'bytes=1-2,-1'].map(asksForSuffix), [true, false, true])
  })
})
