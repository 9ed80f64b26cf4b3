import assert from 'node:assert/strict'
import fc from 'fast-check'
import { framingOf, reusableFor, type Framing, type Method } from '../../src/http/body-framing.ts'
import { ProtocolError } from '../../src/http/protocol-error.ts'
import { HeadReader, type ResponseHead } from '../../src/http/response-head.ts'

/** @param start status line and header lines */
function headOf(...lines: readonly string[]): ResponseHead {
  const reader = new HeadReader(10_000)
  reader.take(Buffer.from(`${lines.join('\r\n')}\r\n\r\n`, 'latin1'))
  return reader.head ?? assert.fail()
}

const framing = (method: Method, ...lines: readonly string[]): Framing => framingOf(method, headOf(...lines))
const OK = 'HTTP/1.1 200 OK'
const EMPTY: Framing = { type: 'length', length: 0 }

describe('the end of a body', () => {
  it('is told by its length', () => {
    assert.deepEqual(framing('GET', OK, 'content-length: 0012'), { type: 'length', length: 12 })
  })

  it('is told by its last chunk', () => {
    assert.deepEqual(framing('GET', OK, 'Transfer-Encoding: Chunked'), { type: 'chunked' })
  })

  it('is that of the connection if nothing else is told', () => {
    assert.deepEqual(framing('GET', OK), { type: 'until-close' })
    assert.deepEqual(framing('GET', 'HTTP/1.0 200 OK', 'content-encoding: gzip'), { type: 'until-close' })
  })

  it('is its beginning where there can be none', () => {
    assert.deepEqual(framing('HEAD', OK, 'content-length: 5'), EMPTY)
    assert.deepEqual(framing('HEAD', OK, 'transfer-encoding: chunked'), EMPTY)
    assert.deepEqual(framing('HEAD', OK), EMPTY)
    assert.deepEqual(framing('GET', 'HTTP/1.1 204 No Content'), EMPTY)
    assert.deepEqual(framing('GET', 'HTTP/1.1 304 Not Modified', 'content-length: 5'), EMPTY)
  })

  const refused: readonly (readonly string[])[] = [
    [OK, 'content-length: 5', 'content-length: 6'],
    [OK, 'content-length: 5', 'content-length: 5'],
    [OK, 'content-length: 5, 5'],
    [OK, 'content-length:'],
    [OK, 'content-length: -5'],
    [OK, 'content-length: +5'],
    [OK, 'content-length: 5.0'],
    [OK, 'content-length: 0x5'],
    [OK, 'content-length: 5 6'],
    [OK, 'content-length: 9007199254740992'],
    [OK, 'content-length: 5', 'transfer-encoding: chunked'],
    [OK, 'transfer-encoding: gzip, chunked'],
    [OK, 'transfer-encoding: chunked, chunked'],
    [OK, 'transfer-encoding: chunked', 'transfer-encoding: chunked'],
    [OK, 'transfer-encoding: identity'],
    [OK, 'transfer-encoding:'],
    [OK, 'transfer-encoding: "chunked"'],
    ['HTTP/1.0 200 OK', 'transfer-encoding: chunked'],
  ]
  for (const lines of refused) {
    it(`is not guessed from '${lines.join(' / ')}'`, () => {
      assert.throws(() => framing('GET', ...lines), ProtocolError)
      assert.throws(() => framing('HEAD', ...lines), ProtocolError)
    })
  }

  it('is told or refused for any values', () => {
    const values = fc.array(fc.tuple(fc.constantFrom('content-length', 'transfer-encoding'), fc.constantFrom('5', '', 'chunked', ' 7', 'x,chunked')))
    fc.assert(
      fc.property(values, (fields) => {
        try {
          const told = framing('GET', OK, ...fields.map(([name, value]) => `${name}: ${value}`))
          assert.equal(told.type === 'until-close', fields.length === 0)
        } catch (error) {
          assert.ok(error instanceof ProtocolError)
        }
      }),
    )
  })
})

describe('a connection after an answer', () => {
  const restMs = (...lines: readonly string[]): number => reusableFor(headOf(...lines), framing('GET', ...lines), 4000)
  const LENGTH = 'content-length: 5'

  it('can be used again if its end is told', () => {
    assert.equal(restMs(OK, LENGTH), 4000)
    assert.equal(restMs(OK, 'transfer-encoding: chunked'), 4000)
    assert.equal(restMs(OK), 0)
  })

  it('cannot be used again if the origin ends it', () => {
    assert.equal(restMs(OK, LENGTH, 'connection: close'), 0)
    assert.equal(restMs(OK, LENGTH, 'Connection: x, Close'), 0)
    assert.equal(restMs('HTTP/1.0 200 OK', LENGTH, 'connection: keep-alive'), 0)
  })

  it('is kept no longer than the origin keeps it', () => {
    assert.equal(restMs(OK, LENGTH, 'keep-alive: timeout=75, max=9'), 4000)
    assert.equal(restMs(OK, LENGTH, 'keep-alive: timeout=3'), 2000)
    assert.equal(restMs(OK, LENGTH, 'keep-alive: max=9,timeout=1'), 0)
    assert.equal(restMs(OK, LENGTH, 'keep-alive: timeout=0'), 0)
    assert.equal(restMs(OK, LENGTH, 'keep-alive: what=ever'), 4000)
  })
})
