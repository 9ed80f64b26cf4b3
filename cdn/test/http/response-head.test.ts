import assert from 'node:assert/strict'
import fc from 'fast-check'
import { ProtocolError } from '../../src/http/protocol-error.ts'
import { HeadReader, header, listed, type ResponseHead } from '../../src/http/response-head.ts'
import { cuts, nearly, portions } from './cuts.ts'

const LIMIT = 300

interface Outcome {
  readonly head: ResponseHead | undefined
  /** What was left behind the head. */
  readonly rest: string
}

/** @throws ProtocolError */
function read(bytes: Uint8Array, lengths: readonly number[] = [bytes.length || 1], limit = LIMIT): Outcome {
  const reader = new HeadReader(limit)
  let taken = 0
  for (const portion of portions(bytes, lengths)) {
    taken += reader.take(portion)
    if (reader.head !== undefined) break
  }
  return { head: reader.head, rest: Buffer.from(bytes.subarray(taken)).toString('latin1') }
}

function outcomeOf(bytes: Uint8Array, lengths?: readonly number[]): Outcome | 'refused' {
  try {
    return read(bytes, lengths)
  } catch (error) {
    assert.ok(error instanceof ProtocolError, String(error))
    return 'refused'
  }
}

const latin1 = (text: string): Buffer => Buffer.from(text, 'latin1')

describe('the head of an answer', () => {
  it('has a status and headers, and ends where the body begins', () => {
    const { head, rest } = read(latin1('HTTP/1.1 206 Partial Content\r\nETag: "a"\r\nX-A:1\r\nx-a: \t2, 3 \r\nempty:\r\n\r\nbody\r\n\r\n'))
    assert.equal(head?.status, 206)
    assert.equal(head.isHttp10, false)
    assert.deepEqual([...head.headers], [['etag', ['"a"']], ['x-a', ['1', '2, 3']], ['empty', ['']]])
    assert.equal(header(head.headers, 'x-a'), '1')
    assert.equal(header(head.headers, 'x-b'), '')
    assert.deepEqual(listed(head.headers, 'x-a'), ['1', '2', '3'])
    assert.equal(rest, 'body\r\n\r\n')
  })

  for (const line of ['HTTP/1.1 200', 'HTTP/1.1 200 ', 'HTTP/1.0 200 OK', 'HTTP/1.1 599 \x80\xff what ever']) {
    it(`may begin with '${line}'`, () => {
      const { head } = read(latin1(`${line}\r\n\r\n`))
      assert.equal(head?.isHttp10, line.startsWith('HTTP/1.0'))
    })
  }

  it('reads the same however it is cut', () => {
    const name = fc.stringMatching(/^[!#$%&'*+.^_`|~0-9A-Za-z-]{1,10}$/)
    const value = fc.stringMatching(/^[\x21-\x7e]([\t\x20-\x7e]{0,10}[\x21-\x7e])?$/)
    const fields = fc.array(fc.tuple(name, value), { maxLength: 6 })
    fc.assert(
      fc.property(fields, fc.integer({ min: 200, max: 599 }), cuts, fc.string({ maxLength: 9 }), (list, status, lengths, body) => {
        const lines = list.map(([key, text]) => `${key}:  ${text} \r\n`)
        const bytes = Buffer.from(`HTTP/1.1 ${status} x\r\n${lines.join('')}\r\n${body}`, 'utf8')
        const { head, rest } = read(bytes, [1000], 1000)
        assert.equal(head?.status, status)
        assert.equal(rest, Buffer.from(body, 'utf8').toString('latin1'))
        for (const [key] of list) {
          const sent = list.filter(([other]) => other.toLowerCase() === key.toLowerCase())
          assert.deepEqual(head.headers.get(key.toLowerCase()), sent.map(([, text]) => text))
        }
        assert.deepEqual(read(bytes, lengths, 1000), { head, rest })
      }),
    )
  })

  it('is judged alike however it is cut, whatever comes', () => {
    const bytes = nearly('HTTP/1.1 200 OK', 'HTTP/1.0 ', '\r\n', '\r', '\n', 'a: b', ': ', ' ', '\t', '\0', 'content-length: 5\r\n', 'x'.repeat(120))
    fc.assert(fc.property(bytes, cuts, (input, lengths) => assert.deepEqual(outcomeOf(input, lengths), outcomeOf(input))), { numRuns: 2000 })
  })

  it('is never waited for past its limit', () => {
    fc.assert(
      fc.property(nearly('HTTP/1.1 200 OK\r\n', 'a: b\r\n', 'a'), cuts, (input, lengths) => {
        const padded = Buffer.concat([input, Buffer.alloc(2 * LIMIT, 'a')])
        const outcome = outcomeOf(padded, lengths)
        assert.ok(outcome === 'refused' || outcome.head !== undefined)
      }),
    )
  })

  const refused: Record<string, string> = {
    'a status line of something else': 'SSH-2.0-x\r\n',
    'an empty line first': '\r\nHTTP/1.1 200 OK\r\n\r\n',
    'another version': 'HTTP/2.0 200 OK\r\n\r\n',
    'a version with more digits': 'HTTP/1.12 200 OK\r\n\r\n',
    'a status of two digits': 'HTTP/1.1 20 OK\r\n\r\n',
    'a status of four digits': 'HTTP/1.1 2000 OK\r\n\r\n',
    'a status below 100': 'HTTP/1.1 099 OK\r\n\r\n',
    'two spaces before the status': 'HTTP/1.1  200 OK\r\n\r\n',
    'a reason with control characters': 'HTTP/1.1 200 O\0K\r\n\r\n',
    'lines that end in LF alone': 'HTTP/1.1 200 OK\na: b\n\n',
    'a CR within a line': 'HTTP/1.1 200 OK\r\na: b\rc: d\r\n\r\n',
    'a folded line': 'HTTP/1.1 200 OK\r\na: b\r\n c\r\n\r\n',
    'a line folded by a tab': 'HTTP/1.1 200 OK\r\na: b\r\n\tc: d\r\n\r\n',
    'a space before the colon': 'HTTP/1.1 200 OK\r\na : b\r\n\r\n',
    'a line without a colon': 'HTTP/1.1 200 OK\r\nab\r\n\r\n',
    'a field without a name': 'HTTP/1.1 200 OK\r\n: b\r\n\r\n',
    'a value with control characters': 'HTTP/1.1 200 OK\r\na: b\0\r\n\r\n',
    'a line that is too long': `HTTP/1.1 200 OK\r\na: ${'b'.repeat(LIMIT)}\r\n\r\n`,
    'lines that are too long together': `HTTP/1.1 200 OK\r\n${'a: bcdefg\r\n'.repeat(30)}\r\n`,
  }
  for (const [what, text] of Object.entries(refused)) {
    it(`may not have ${what}`, () => assert.throws(() => read(latin1(text)), ProtocolError))
  }

  it('may not have very many fields', () => {
    const head = (count: number): Buffer => latin1(`HTTP/1.1 200 OK\r\n${'a:\r\n'.repeat(count)}\r\n`)
    assert.equal(header(read(head(256), [10_000], 10_000).head?.headers ?? assert.fail(), 'a'), '')
    assert.throws(() => read(head(257), [10_000], 10_000), ProtocolError)
  })

  it('is refused at the first byte that cannot begin it', () => {
    for (const text of ['S', 'HTTX', 'HTTP/2', '\n', '{']) assert.throws(() => read(latin1(text)), ProtocolError, text)
    assert.deepEqual(read(latin1('HTTP/1')), { head: undefined, rest: '' })
  })
})
