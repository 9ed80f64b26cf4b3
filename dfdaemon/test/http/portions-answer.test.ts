import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer, get, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { text } from 'node:stream/consumers'
import { isDamselflyError } from '@damselfly/shared'
import { answerInPortions } from '../../src/http/portions-answer.ts'

const PORTION = 1024 * 1024
const PORTIONS = 48

describe('an answer in portions', () => {
  let server: Server
  let answered: PromiseWithResolvers<unknown>
  let responding: ServerResponse
  let hasEnded: boolean

  /** All in the same memory, as contents are read: each portion has its number in every byte. */
  async function* numbered(count: number, failure?: Error): AsyncGenerator<Uint8Array> {
    const memory = Buffer.allocUnsafe(PORTION)
    try {
      for (let i = 0; i < count; i++) yield memory.fill(i)
      if (failure !== undefined) throw failure
    } finally {
      hasEnded = true
    }
  }

  /** @returns what the client gets to see of it first */
  async function ask(portions: AsyncIterable<Uint8Array>): Promise<IncomingMessage> {
    answered = Promise.withResolvers()
    answered.promise.catch(() => undefined)
    hasEnded = false
    const respond = (_: IncomingMessage, response: ServerResponse): void => {
      responding = response
      answerInPortions(response, portions, () => response.writeHead(200, { 'content-length': PORTIONS * PORTION })).then(answered.resolve, (error: unknown) => {
        if (!response.headersSent) response.writeHead(502).end('otherwise')
        answered.reject(error)
      })
    }
    server.once('request', respond)
    const [answer] = (await once(get({ port: (server.address() as AddressInfo).port, agent: false }), 'response')) as [IncomingMessage]
    return answer
  }

  beforeEach(async () => {
    server = createServer().listen(0, '127.0.0.1')
    await once(server, 'listening')
  })

  afterEach(async () => {
    server.closeAllConnections()
    server.close()
    await once(server, 'close')
  })

  it('keeps each as it was until the client has it, however late that is', async () => {
    const answer = await ask(numbered(PORTIONS))
    // So much has been written that the next portion waits.
    while (responding.writableLength === 0) await new Promise(setImmediate)
    let at = 0
    for await (const bytes of answer as AsyncIterable<Buffer>) {
      for (let end = at + bytes.length, i = 0; at < end; at++, i++) if (bytes[i] !== Math.floor(at / PORTION)) assert.fail(`byte ${at} is ${bytes[i]}`)
    }
    assert.equal(at, PORTIONS * PORTION)
    await answered.promise
  })

  it('can be another one where the first of them fails', async () => {
    const answer = await ask(numbered(0, new Error('not there')))
    assert.equal(answer.statusCode, 502)
    assert.equal(await text(answer), 'otherwise')
    await assert.rejects(answered.promise, /not there/)
  })

  it('breaks off, and never ends well, where a later one fails', async () => {
    const answer = await ask(numbered(3, new Error('gone')))
    await assert.rejects(text(answer), { code: 'ECONNRESET' })
    await assert.rejects(answered.promise, /gone/)
  })

  it('asks for no more when the client has gone away', async () => {
    const answer = await ask(numbered(PORTIONS))
    answer.destroy()
    await assert.rejects(answered.promise, (error) => isDamselflyError(error, 'CANCELLED'))
    assert.ok(hasEnded)
  })
})
