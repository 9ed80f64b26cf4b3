import assert from 'node:assert/strict'
import fc from 'fast-check'
import { ChunkedDecoder } from '../../src/http/chunked-decoder.ts'
import { ProtocolError } from '../../src/http/protocol-error.ts'
import { generatedContent } from '../../src/testing/index.ts'
import { cuts, nearly, portions } from './cuts.ts'

interface Outcome {
  readonly content: string
  readonly isOver: boolean
  /** What was left behind the end. */
  readonly rest: string
}

/** @throws ProtocolError */
function decode(bytes: Uint8Array, lengths: readonly number[] = [bytes.length || 1]): Outcome {
  const decoder = new ChunkedDecoder()
  const content: Uint8Array[] = []
  let taken = 0
  for (const portion of portions(bytes, lengths)) {
    for (let rest = portion; rest.length > 0 && !decoder.isOver; ) {
      const part = decoder.take(rest)
      assert.ok(part.count > 0 && part.count <= rest.length)
      content.push(part.content)
      taken += part.count
      rest = rest.subarray(part.count)
    }
  }
  const text = (part: Uint8Array): string => Buffer.from(part).toString('latin1')
  return { content: text(Buffer.concat(content)), isOver: decoder.isOver, rest: text(bytes.subarray(taken)) }
}

function outcomeOf(bytes: Uint8Array, lengths?: readonly number[]): Outcome | 'refused' {
  try {
    return decode(bytes, lengths)
  } catch (error) {
    assert.ok(error instanceof ProtocolError, String(error))
    return 'refused'
  }
}

const latin1 = (text: string): Buffer => Buffer.from(text, 'latin1')

describe('a chunked body', () => {
  it('is what its chunks carry, however they and the bytes are cut', () => {
    const sizes = fc.array(fc.integer({ min: 1, max: 70 }), { maxLength: 6 })
    const extension = fc.constantFrom('', ';', ' ;a=b', ';a="b;c"')
    const trailers = fc.constantFrom('', 'a: b\r\n', 'a: b\r\nx-checksum:\r\n')
    fc.assert(
      fc.property(sizes, extension, trailers, cuts, fc.string({ maxLength: 5 }), (chunks, ext, trailer, lengths, rest) => {
        const content = generatedContent(chunks.reduce((sum, size) => sum + size, 0))
        const parts: Buffer[] = []
        let at = 0
        for (const size of chunks) {
          parts.push(latin1(`${size.toString(16)}${ext}\r\n`), content.subarray(at, at + size), latin1('\r\n'))
          at += size
        }
        parts.push(latin1(`0${ext}\r\n${trailer}\r\n`), Buffer.from(rest, 'utf8'))
        const bytes = Buffer.concat(parts)
        const whole = decode(bytes)
        assert.deepEqual(whole, { content: content.toString('latin1'), isOver: true, rest: Buffer.from(rest, 'utf8').toString('latin1') })
        assert.deepEqual(decode(bytes, lengths), whole)
      }),
    )
  })

  it('is judged alike however it is cut, whatever comes', () => {
    const bytes = nearly('5\r\nhello\r\n', 'a\r\n', '0\r\n', '\r\n', '\r', '\n', '1', 'x', '00', ';', 'a: b\r\n', ' ')
    fc.assert(
      fc.property(bytes, cuts, (input, lengths) => assert.deepEqual(outcomeOf(input, lengths), outcomeOf(input))),
      { numRuns: 2000 },
    )
  })

  it('is not over before its last line has come', () => {
    const bytes = latin1('3\r\nabc\r\n0\r\na: b\r\n\r\n')
    for (let end = 0; end < bytes.length; end++) assert.equal(decode(bytes.subarray(0, end)).isOver, false)
  })

  it('takes sizes in upper case and with leading zeros', () => {
    assert.equal(decode(latin1('0000A\r\n0123456789\r\n0\r\n\r\n')).content, '0123456789')
  })

  const refused: Record<string, string> = {
    'without a size': '\r\nabc\r\n0\r\n\r\n',
    'of a size that is no number': 'xyz\r\n',
    'of a negative size': '-3\r\nabc\r\n',
    'of a size with a sign': '+3\r\nabc\r\n',
    'of a size as in a program': '0x3\r\nabc\r\n',
    'of a size past what can be counted': 'fffffffffffffff\r\n',
    'of a size with very many digits': `${'0'.repeat(17)}1\r\na\r\n`,
    'longer than its size': '3\r\nabcd\r\n',
    'that ends in LF alone': '3\r\nabc\n0\r\n\r\n',
    'whose size ends in LF alone': '3\nabc\r\n',
    'with control characters behind its size': '3;\0\r\nabc\r\n',
    'with an endless line behind its size': `3;${'a'.repeat(2000)}`,
    'with a trailer that is no field': '0\r\nabc\r\n\r\n',
    'with endless trailers': `0\r\n${'a: b\r\n'.repeat(10_000)}`,
    'with an endless trailer': `0\r\na: ${'b'.repeat(20_000)}`,
  }
  for (const [what, text] of Object.entries(refused)) {
    it(`is refused with a chunk ${what}`, () => assert.throws(() => decode(latin1(text)), ProtocolError))
  }
})
