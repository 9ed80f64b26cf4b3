import assert from 'node:assert/strict'
import { once } from 'node:events'
import type { Socket } from 'node:net'
import { collect, VirtualClock } from '@damselfly/shared'
import { createHttpSource, type OriginResponse, type SourceClient } from '../../src/index.ts'
import { generatedContent } from '../../src/testing/index.ts'
import { rawOrigin, type RawOrigin } from './raw-origin.ts'

const HEAD = 'HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\n'

describe('the body of an answer', () => {
  const clock = new VirtualClock()
  let client: SourceClient
  let origin: RawOrigin
  let connection: Socket
  let answer: string | Uint8Array
  let controller: AbortController
  beforeEach(async () => {
    client = createHttpSource({ policy: { allow: ['127.0.0.1'] }, clock })
    controller = new AbortController()
    origin = await rawOrigin((socket) => {
      connection = socket
      socket.write(answer)
    })
  })
  afterEach(async () => {
    await client.close()
    await origin.close()
    assert.equal(clock.pending, 0)
  })

  const read = (): Promise<OriginResponse> => client.read({ url: origin.url, headers: new Map(), signal: controller.signal })

  it('waits for its sink, and for nobody else', async () => {
    answer = `${HEAD}ab`
    const { body } = await read()
    const seen: string[] = []
    const gates = [Promise.withResolvers<void>(), Promise.withResolvers<void>()]
    const given = [Promise.withResolvers<void>(), Promise.withResolvers<void>()]
    const piped = body.pipe((bytes) => {
      seen.push(Buffer.from(bytes).toString())
      given[seen.length - 1]?.resolve()
      return gates[seen.length - 1]?.promise
    })
    await given[0]?.promise
    connection.write('cd')
    // However long the sink takes, the origin is not to blame.
    clock.advance(100_000)
    assert.deepEqual(seen, ['ab'])
    gates[0]?.resolve()
    await given[1]?.promise
    clock.advance(100_000)
    gates[1]?.resolve()
    await piped
    assert.deepEqual(seen, ['ab', 'cd'])
  })

  it('keeps the origin waiting too', async () => {
    const size = 64 * 1024 * 1024
    answer = HEAD.replace('4', String(size))
    const { body } = await read()
    const gate = Promise.withResolvers<void>()
    const given = Promise.withResolvers<void>()
    let received = 0
    const piped = body.pipe((bytes) => {
      received += bytes.length
      given.resolve()
      return gate.promise
    })
    // More than the kernel takes for both sides.
    connection.write(generatedContent(size))
    await given.promise
    const held = received
    for (let turn = 0; turn < 50; turn++) await new Promise(setImmediate)
    assert.equal(received, held)
    assert.ok(connection.writableLength > 0)
    body.cancel()
    gate.resolve()
    await piped
    assert.equal(received, held)
  })

  it('that is idle for thirty seconds while it is read has failed', async () => {
    answer = `${HEAD}ab`
    const { body } = await read()
    // Nobody waits for it yet.
    clock.advance(100_000)
    const given = Promise.withResolvers<void>()
    const piped = body.pipe(() => given.resolve() as undefined)
    await given.promise
    clock.advance(20_000)
    const failing = assert.rejects(piped, { code: 'ORIGIN_UNREACHABLE', message: /no byte came for 30000 ms/ })
    clock.advance(10_000)
    await failing
  })

  it('that goes on slowly has not failed', async () => {
    answer = HEAD
    const { body } = await read()
    let received = 0
    let waiting = Promise.withResolvers<void>()
    const piped = body.pipe((bytes) => {
      received += bytes.length
      waiting.resolve()
      return undefined
    })
    for (const byte of 'abcd') {
      waiting = Promise.withResolvers()
      clock.advance(29_000)
      connection.write(byte)
      await waiting.promise
    }
    await piped
    assert.equal(received, 4)
  })

  const failure = new Error('no space')
  const failing: Record<string, () => Promise<void> | undefined> = {
    throws: () => {
      throw failure
    },
    rejects: () => Promise.reject(failure),
  }
  for (const [how, sink] of Object.entries(failing)) {
    it(`ends with its sink when that ${how}`, async () => {
      answer = `${HEAD}ab`
      const { body } = await read()
      await assert.rejects(body.pipe(sink), failure)
      await once(connection, 'close')
    })

    it(`tells that its sink ${how} although it was cancelled`, async () => {
      answer = `${HEAD}ab`
      const { body } = await read()
      const piped = body.pipe(() => {
        body.cancel()
        return sink()
      })
      await assert.rejects(piped, failure)
    })
  }

  it('does not end before its sink, whatever ends it', async () => {
    const ends: Record<string, (body: OriginResponse['body']) => void> = {
      cancelled: (body) => body.cancel(),
      aborted: () => controller.abort(failure),
      cut: () => connection.destroy(),
    }
    for (const [how, end] of Object.entries(ends)) {
      answer = `${HEAD}ab`
      controller = new AbortController()
      const { body } = await read()
      const gate = Promise.withResolvers<void>()
      const given = Promise.withResolvers<void>()
      let isSettled = false
      const piped = body.pipe(() => {
        given.resolve()
        return gate.promise
      })
      const settled = piped.then(() => 'whole', (error: Error & { code?: string }) => error.code ?? error.message).finally(() => (isSettled = true))
      await given.promise
      end(body)
      for (let turn = 0; turn < 5; turn++) await new Promise(setImmediate)
      assert.equal(isSettled, false, how)
      gate.resolve()
      assert.equal(await settled, { cancelled: 'whole', aborted: 'no space', cut: 'ORIGIN_SHORT' }[how])
    }
  })

  it('that failed before it was read says so then', async () => {
    answer = `${HEAD}ab`
    const { body } = await read()
    const reason = new Error('gone')
    controller.abort(reason)
    await once(connection, 'close')
    await assert.rejects(collect(body), reason)
  })

  it('that was cancelled brings nothing', async () => {
    answer = `${HEAD}abcd`
    const { body } = await read()
    body.cancel()
    body.cancel()
    assert.equal((await collect(body)).length, 0)
  })

  it('is read once', async () => {
    answer = `${HEAD}abcd`
    const { body } = await read()
    await collect(body)
    await assert.rejects(async () => collect(body), { code: 'INTERNAL' })
  })

  it('is checked against the range that the answer names', async () => {
    const part = (length: number): string => `HTTP/1.1 206 Partial Content\r\ncontent-range: bytes 2-4/9\r\ncontent-length: ${length}\r\n\r\n${'x'.repeat(length)}`
    const outcome = async (length: number): Promise<string> => {
      answer = part(length)
      const { body } = await client.read({ url: origin.url, headers: new Map(), range: { start: 2, end: 4 }, signal: controller.signal })
      return collect(body).then((bytes) => bytes.toString(), (error: { code: string }) => error.code)
    }
    assert.equal(await outcome(3), 'xxx')
    assert.equal(await outcome(2), 'ORIGIN_SHORT')
    assert.equal(await outcome(4), 'ORIGIN_LONG')
  })

  it('is told to be longer than announced when more comes a little later', async () => {
    answer = `${HEAD}abcd`
    const { body } = await read()
    const piped = body.pipe(() => {
      connection.write('e')
      return undefined
    })
    await assert.rejects(piped, { code: 'ORIGIN_LONG' })
  })
})
