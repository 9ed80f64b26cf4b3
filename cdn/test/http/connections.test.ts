import assert from 'node:assert/strict'
import { once } from 'node:events'
import type { Socket } from 'node:net'
import { collect, VirtualClock } from '@damselfly/shared'
import { createHttpSource, type HttpSourceInit, type OriginResponse, type SourceClient } from '../../src/index.ts'
import { rawOrigin, type RawAnswer, type RawOrigin } from './raw-origin.ts'

const OK = 'HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nab'

describe('the connections of the HTTP source client', () => {
  const clock = new VirtualClock()
  let client: SourceClient
  let origin: RawOrigin | undefined
  beforeEach(() => use({}))
  afterEach(async () => {
    await client.close()
    await origin?.close()
    origin = undefined
    assert.equal(clock.pending, 0)
  })

  function use(init: Partial<HttpSourceInit>): void {
    client = createHttpSource({ policy: { allow: ['127.0.0.1', '*.test'] }, clock, ...init })
  }

  async function serve(answer: RawAnswer): Promise<RawOrigin> {
    return (origin = await rawOrigin(answer))
  }

  const read = (path = '', signal = new AbortController().signal): Promise<OriginResponse> =>
    client.read({ url: `${origin?.url}${path}`, headers: new Map(), signal })

  const text = async (signal?: AbortSignal): Promise<string> => (await collect((await read('', signal)).body)).toString()

  it('carry one request after the other', async () => {
    const { url } = await serve((socket) => socket.write(OK))
    assert.ok(url)
    for (let i = 0; i < 5; i++) assert.equal(await text(), 'ab')
    assert.deepEqual([origin?.connections, origin?.requests], [1, 5])
  })

  it('carry one request at a time', async () => {
    const { promise: all, resolve } = Promise.withResolvers<void>()
    await serve((socket, nth) => {
      void all.then(() => socket.write(OK))
      if (nth === 2) resolve()
    })
    assert.deepEqual(await Promise.all([text(), text(), text()]), ['ab', 'ab', 'ab'])
    assert.equal(origin?.connections, 3)
  })

  it('carry probes too', async () => {
    use({ limits: { connectionsPerOrigin: 1 } })
    await serve((socket, nth) => socket.write(nth === 0 ? 'HTTP/1.1 200 OK\r\ncontent-length: 7\r\n\r\n' : OK))
    const { contentLength } = await client.probe({ url: origin?.url ?? '', headers: new Map(), signal: new AbortController().signal })
    assert.equal(contentLength, 7)
    assert.equal(await text(), 'ab')
    assert.equal(origin?.connections, 1)
  })

  const single: Record<string, string> = {
    'the origin says so': 'HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: 2\r\n\r\nab',
    'the origin speaks HTTP/1.0': 'HTTP/1.0 200 OK\r\ncontent-length: 2\r\n\r\nab',
    'something comes behind the last chunk': 'HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2\r\nab\r\n0\r\n\r\nHTTP/1.1 200 OK\r\n',
  }
  for (const [why, answer] of Object.entries(single)) {
    it(`are not used again where ${why}`, async () => {
      await serve((socket) => socket.write(answer))
      assert.equal(await text(), 'ab')
      assert.equal(await text(), 'ab')
      assert.equal(origin?.connections, 2)
    })
  }

  it('are not used again after a body that was not read to its end', async () => {
    await serve((socket) => socket.write('HTTP/1.1 200 OK\r\ncontent-length: 3\r\n\r\nab'))
    ;(await read()).body.cancel()
    ;(await read()).body.cancel()
    assert.equal(origin?.connections, 2)
  })

  it('are ended by what comes unasked', async () => {
    let first: Socket | undefined
    await serve((socket) => {
      first ??= socket
      socket.write(OK)
    })
    await text()
    const closed = once(first as Socket, 'close')
    first?.write(OK)
    await closed
    assert.equal(await text(), 'ab')
    assert.equal(origin?.connections, 2)
  })

  it('are kept for four seconds, or as long as the origin says', async () => {
    for (const [field, ms] of [['', 4000], ['keep-alive: timeout=3\r\n', 2000]] as const) {
      let closed: Promise<unknown> | undefined
      await serve((socket) => {
        closed = once(socket, 'close')
        socket.write(OK.replace('content-length', `${field}content-length`))
      })
      await text()
      clock.advance(ms - 1)
      await text()
      assert.equal(origin?.connections, 1)
      clock.advance(ms)
      await closed
      await origin?.close()
    }
    origin = undefined
  })

  describe('that the origin gave up while they rested', () => {
    /** Ends each connection when a second request comes on it, having sent `before`. */
    const endingAtSecond = (before: string): RawAnswer => (socket, _nth, own) => {
      if (own === 0) socket.write(OK)
      else if (before === '') socket.resetAndDestroy()
      else socket.end(before)
    }

    it('are replaced, once', async () => {
      await serve(endingAtSecond(''))
      assert.equal(await text(), 'ab')
      assert.equal(await text(), 'ab')
      assert.deepEqual([origin?.connections, origin?.requests], [2, 3])
    })

    it('are replaced when the origin ends them in good order', async () => {
      await serve((socket, _nth, own) => (own === 0 ? socket.write(OK) : socket.end()))
      await text()
      assert.equal(await text(), 'ab')
      assert.equal(origin?.requests, 3)
    })

    it('are not replaced once a byte of the answer has come', async () => {
      await serve(endingAtSecond('HTTP/1.1 2'))
      await text()
      await assert.rejects(text(), { code: 'ORIGIN_UNREACHABLE' })
      assert.equal(origin?.requests, 2)
    })

    it('are not replaced by another that is as old', async () => {
      const both = Promise.withResolvers<void>()
      await serve((socket, nth, own) => {
        if (nth === 1) both.resolve()
        if (own === 0) void (nth > 1 ? Promise.resolve() : both.promise).then(() => socket.write(OK))
        else socket.destroy()
      })
      await Promise.all([text(), text()])
      assert.equal(await text(), 'ab')
      assert.equal(origin?.connections, 3)
    })
  })

  it('are not tried again when they are new', async () => {
    await serve((socket) => socket.destroy())
    await assert.rejects(text(), { code: 'ORIGIN_UNREACHABLE' })
    assert.equal(origin?.requests, 1)
  })

  describe('of which there are as many as allowed', () => {
    it('are waited for, in order', async () => {
      use({ limits: { connectionsPerOrigin: 1 } })
      const order: number[] = []
      await serve((socket) => socket.write(OK))
      await Promise.all([0, 1, 2].map(async (nth) => void order.push(await text().then(() => nth))))
      assert.deepEqual(order, [0, 1, 2])
      assert.equal(origin?.connections, 1)
    })

    it('are not waited for by one who gives up', async () => {
      use({ limits: { connectionsPerOrigin: 1 } })
      await serve((socket) => socket.write('HTTP/1.1 200 OK\r\ncontent-length: 3\r\n\r\nab'))
      const first = await read()
      const leaving = new AbortController()
      const second = text(leaving.signal)
      const third = read()
      const reason = new Error('gone')
      leaving.abort(reason)
      await assert.rejects(second, reason)
      first.body.cancel()
      ;(await third).body.cancel()
      assert.equal(origin?.requests, 2)
    })
  })

  it('are awaited for ten seconds', async () => {
    // A name that is never resolved.
    const asked = Promise.withResolvers<void>()
    use({ lookup: () => asked.resolve() })
    const reading = client.read({ url: 'http://slow.test/', headers: new Map(), signal: new AbortController().signal })
    const failing = assert.rejects(reading, { code: 'ORIGIN_UNREACHABLE', message: /slow\.test within 10000 ms/ })
    await asked.promise
    clock.advance(10_000)
    await failing
  })

  it('are given up with the request, also while they are made', async () => {
    const asked = Promise.withResolvers<void>()
    use({ lookup: () => asked.resolve() })
    const controller = new AbortController()
    const reading = client.read({ url: 'http://slow.test/', headers: new Map(), signal: controller.signal })
    const reason = new Error('gone')
    await asked.promise
    controller.abort(reason)
    await assert.rejects(reading, reason)
  })

  it('carry no answer for longer than allowed', async () => {
    const asked = Promise.withResolvers<void>()
    await serve((socket) => {
      socket.write('HTTP/1.1 200 OK\r\n')
      asked.resolve()
    })
    const failing = assert.rejects(text(), { code: 'ORIGIN_UNREACHABLE', message: /no answer within 30000 ms/ })
    await asked.promise
    clock.advance(30_000)
    await failing
  })

  it('are broken off when the client is closed, and those who wait are told', async () => {
    use({ limits: { connectionsPerOrigin: 1 } })
    const asked = Promise.withResolvers<void>()
    await serve((socket, nth) => {
      socket.write('HTTP/1.1 200 OK\r\n\r\nab')
      if (nth === 0) asked.resolve()
    })
    const { body } = await read()
    const flowing = assert.rejects(collect(body), { code: 'ORIGIN_UNREACHABLE' })
    const waiting = assert.rejects(text(), { code: 'ORIGIN_UNREACHABLE' })
    await asked.promise
    await client.close()
    await Promise.all([flowing, waiting, assert.rejects(text(), { code: 'ORIGIN_UNREACHABLE' })])
    assert.equal(origin?.requests, 1)
  })

  describe('on which an answer comes', () => {
    it('may bring others before it', async () => {
      const early = 'HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nlink: </a>\r\n\r\n'
      await serve((socket) => socket.write(early + OK))
      assert.equal(await text(), 'ab')
    })

    const refused: Record<string, string> = {
      'more provisional ones than make sense': 'HTTP/1.1 102 Processing\r\n\r\n'.repeat(17) + OK,
      'another protocol': 'HTTP/1.1 101 Switching Protocols\r\nupgrade: x\r\n\r\n',
      'two lengths': 'HTTP/1.1 200 OK\r\ncontent-length: 2\r\ncontent-length: 3\r\n\r\nabc',
      'a length and chunks': 'HTTP/1.1 200 OK\r\ncontent-length: 2\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n',
      'a folded header': 'HTTP/1.1 200 OK\r\ncontent-length:\r\n 2\r\n\r\nab',
      'chunks that cannot be read': 'HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2\r\nabc\r\n',
    }
    for (const [what, answer] of Object.entries(refused)) {
      it(`may not bring ${what}`, async () => {
        await serve((socket) => socket.write(answer))
        await assert.rejects(text(), { code: 'ORIGIN_STATUS' })
        await assert.rejects(text(), { code: 'ORIGIN_STATUS' })
        assert.equal(origin?.connections, 2)
      })
    }

    it('bring its body until they end, where nothing else tells its end', async () => {
      for (const head of ['HTTP/1.0 200 OK', 'HTTP/1.1 200 OK\r\nconnection: close', 'HTTP/1.1 200 OK']) {
        await serve((socket) => {
          socket.write(`${head}\r\n\r\na`)
          setImmediate(() => socket.end('b'))
        })
        assert.equal(await text(), 'ab')
        await origin?.close()
      }
      origin = undefined
    })

    it('do not end a body where they break', async () => {
      await serve((socket) => {
        socket.write('HTTP/1.0 200 OK\r\n\r\nab')
        setImmediate(() => socket.resetAndDestroy())
      })
      await assert.rejects(text(), { code: 'ORIGIN_UNREACHABLE' })
    })

    it('may bring it byte by byte', async () => {
      const answer = 'HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2;x=y\r\nab\r\n0\r\na: b\r\n\r\n'
      await serve((socket) => void oneByOne(socket, answer))
      assert.equal(await text(), 'ab')
      assert.equal(await text(), 'ab')
      assert.equal(origin?.connections, 1)
    })
  })
})

async function oneByOne(socket: Socket, answer: string): Promise<void> {
  socket.setNoDelay(true)
  for (const byte of answer) {
    await new Promise((resolve) => socket.write(byte, resolve))
    await new Promise(setImmediate)
  }
}
