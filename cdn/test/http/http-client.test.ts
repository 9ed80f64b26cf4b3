import assert from 'node:assert/strict'
import fc from 'fast-check'
import { systemClock, type ByteFlow } from '@damselfly/shared'
import { HttpClient } from '../../src/http/http-client.ts'
import { requestError } from '../../src/http/http-errors.ts'
import { DEFAULT_HTTP_SOURCE_LIMITS } from '../../src/index.ts'
import { generatedContent } from '../../src/testing/index.ts'
import { cuts, portions } from './cuts.ts'
import { ScriptedSocket, type Script } from './scripted-socket.ts'

/** What an origin sends, and what is to be made of it. */
interface Case {
  readonly bytes: Buffer
  readonly end: Script['end']
  readonly outcome: string
}

const URL_ASKED = new URL('http://origin.test/f')

const latin1 = (text: string): Buffer => Buffer.from(text, 'latin1')

function withLength(size: number, change: number, end: Script['end']): Case {
  const sent = Math.max(0, size + change)
  const content = generatedContent(sent)
  const bytes = Buffer.concat([latin1(`HTTP/1.1 200 OK\r\nContent-Length: ${size}\r\n\r\n`), content])
  if (sent > size) return { bytes, end, outcome: 'ORIGIN_LONG' }
  return sent < size ? { bytes, end: end ?? 'end', outcome: 'ORIGIN_SHORT' } : { bytes, end, outcome: content.toString('latin1') }
}

function inChunks(sizes: readonly number[], isCut: boolean, end: Script['end']): Case {
  const content = generatedContent(sizes.reduce((sum, size) => sum + size, 0))
  const parts = [latin1('HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n')]
  let at = 0
  for (const size of sizes) {
    parts.push(latin1(`${size.toString(16)}\r\n`), content.subarray(at, at + size), latin1('\r\n'))
    at += size
  }
  if (isCut) return { bytes: Buffer.concat(parts), end: end ?? 'end', outcome: 'ORIGIN_UNREACHABLE' }
  return { bytes: Buffer.concat([...parts, latin1('0\r\na: b\r\n\r\n')]), end, outcome: content.toString('latin1') }
}

function untilClose(size: number, end: 'end' | 'reset'): Case {
  const content = generatedContent(size)
  const bytes = Buffer.concat([latin1('HTTP/1.0 200 OK\r\n\r\n'), content])
  return { bytes, end, outcome: end === 'end' ? content.toString('latin1') : 'ORIGIN_UNREACHABLE' }
}

const size = fc.nat(60)
const anyEnd = fc.constantFrom<Script['end']>(undefined, 'end', 'reset')
const anyCase: fc.Arbitrary<Case> = fc.oneof(
  fc.tuple(size, fc.constantFrom(0, 0, 1, -1, 9, -9), anyEnd).map((args) => withLength(...args)),
  fc.tuple(fc.array(fc.integer({ min: 1, max: 30 }), { maxLength: 4 }), fc.boolean(), anyEnd).map((args) => inChunks(...args)),
  fc.tuple(size, fc.constantFrom('end', 'reset')).map((args) => untilClose(...args)),
)

/** @param slow whether the sink lets each portion wait, in turns */
async function outcomeOf(answer: Case, lengths: readonly number[], burst: number, slow: readonly boolean[]): Promise<string> {
  const script = { portions: [...portions(answer.bytes, lengths)], end: answer.end, burst }
  const client = new HttpClient((_url, onread) => new ScriptedSocket(script, onread).asSocket(), DEFAULT_HTTP_SOURCE_LIMITS, systemClock)
  try {
    const { signal } = new AbortController()
    const response = await client.request({ method: 'GET', url: URL_ASKED, headers: {}, signal, shown: 'x' })
    return await received(response.body(), slow)
  } catch (error) {
    return requestError(error, 'x').code
  } finally {
    await client.close()
  }
}

async function received(body: ByteFlow, slow: readonly boolean[]): Promise<string> {
  const taken: Buffer[] = []
  let isBusy = false
  await body.pipe((bytes) => {
    assert.equal(isBusy, false)
    taken.push(Buffer.copyBytesFrom(bytes))
    if (slow.at(taken.length % slow.length) !== true) return undefined
    isBusy = true
    return turns(9).then(() => void (isBusy = false))
  })
  return Buffer.concat(taken).toString('latin1')
}

async function turns(count: number): Promise<void> {
  for (let turn = 0; turn < count; turn++) await new Promise(setImmediate)
}

describe('the HTTP client', () => {
  const bursts = fc.integer({ min: 1, max: 4 })
  const paces = fc.array(fc.boolean(), { minLength: 1, maxLength: 4 })

  it('makes the same of an answer however it is cut, and whoever has to wait for whom', async () => {
    await fc.assert(
      fc.asyncProperty(anyCase, cuts, bursts, paces, async (answer, lengths, burst, slow) => {
        assert.equal(await outcomeOf(answer, lengths, burst, slow), answer.outcome)
      }),
      { numRuns: 400 },
    )
  })

  it('comes to an end with whatever is sent', async () => {
    const parts = ['HTTP/1.1 200 OK\r\n', 'HTTP/1.1 100 Continue\r\n\r\n', 'content-length: 5\r\n', 'transfer-encoding: chunked\r\n', '\r\n', '5\r\nhello\r\n', '0\r\n\r\n', 'x']
    const bytes = fc.array(fc.constantFrom(...parts), { maxLength: 9 }).map((all) => latin1(all.join('')))
    await fc.assert(
      fc.asyncProperty(bytes, cuts, bursts, paces, async (input, lengths, burst, slow) => {
        const answer = { bytes: input, end: 'end', outcome: '' } as const
        const whole = await outcomeOf(answer, [input.length || 1], 1, [false])
        assert.equal(await outcomeOf(answer, lengths, burst, slow), whole)
      }),
      { numRuns: 400 },
    )
  })
})

