import assert from 'node:assert/strict'
import fc from 'fast-check'
import { isDamselflyError } from '@damselfly/shared'
import type { ResponseHeaders } from '../../src/http/response-head.ts'
import { readAnswer } from '../../src/http/response-info.ts'

describe('reading the headers of an answer', () => {
  it('believes a part only where it answers what was asked', () => {
    fc.assert(
      fc.property(fc.nat(20), fc.nat(20), fc.nat(20), fc.nat(20), fc.nat(20), (from, to, start, end, total) => {
        const asked = { start: from, end: to }
        const read = (): unknown => readAnswer(206, headersOf({ 'content-range': `bytes ${start}-${end}/${total}` }), asked, 'x')
        if (start === from && end >= start && end <= to && end < total) assert.doesNotThrow(read)
        else assert.throws(read, { code: 'ORIGIN_STATUS' })
      }),
    )
  })

  it('survives any text, and gives numbers that can be counted with', () => {
    fc.assert(
      fc.property(fc.string(), fc.string(), fc.constantFrom(200, 206), (range, length, status) => {
        try {
          const { body, info } = readAnswer(status, headersOf({ 'content-range': range, 'content-length': length }), { start: 0 }, 'x')
          for (const count of [body.start, body.length ?? 0, info.contentLength ?? 0]) assert.ok(Number.isSafeInteger(count))
        } catch (error) {
          assert.ok(isDamselflyError(error, 'ORIGIN_STATUS'))
        }
      }),
    )
  })

  it('takes a length past what can be counted for none', () => {
    const { info } = readAnswer(200, headersOf({ 'content-length': '99999999999999999999' }), undefined, 'x')
    assert.equal(info.contentLength, undefined)
    for (const range of ['bytes 0-99999999999999999999/*', 'bytes 0-4/99999999999999999999']) {
      assert.throws(() => readAnswer(206, headersOf({ 'content-range': range }), { start: 0 }, 'x'), { code: 'ORIGIN_STATUS' })
    }
  })
})

function headersOf(fields: Readonly<Record<string, string>>): ResponseHeaders {
  return new Map(Object.entries(fields).map(([name, value]) => [name, [value]]))
}
