import assert from 'node:assert/strict'
import { once } from 'node:events'
import { setTimeout as sleep } from 'node:timers/promises'
import { connect, type AddressInfo, type Socket } from 'node:net'
import { createApiServer, type ApiServer, type HttpLimits } from '../src/http-api.ts'
import { silentLogger } from '../src/logging.ts'

describe('an HTTP server', () => {
  const opened: { server?: ApiServer; sockets: Socket[] } = { sockets: [] }
  const start = async (limits: Partial<HttpLimits>): Promise<number> => {
    const server = createApiServer({ maxBodyBytes: 1024, limits, logger: silentLogger() })
    server.get('/large', async (_request, reply) => reply.send(Buffer.alloc(64 * 1024 * 1024)))
    server.post('/', async () => 'ok')
    await server.listen({ host: '127.0.0.1', port: 0 })
    opened.server = server
    return (server.server.address() as AddressInfo).port
  }
  const client = async (port: number): Promise<Socket> => {
    const socket = connect(port, '127.0.0.1').on('error', () => undefined)
    opened.sockets.push(socket)
    await once(socket, 'connect')
    return socket
  }
  afterEach(async () => {
    for (const socket of opened.sockets.splice(0)) socket.destroy()
    await opened.server?.close()
  })

  it('lets go of a client that sends its headers too slowly', async () => {
    const socket = await client(await start({ headersMs: 300, requestMs: 600 }))
    const said = textOf(socket)
    const drip = setInterval(() => socket.write('x: y\r\n'), 50)
    socket.write('GET / HTTP/1.1\r\nhost: a\r\n')
    const answer = await said.finally(() => clearInterval(drip))
    assert.match(answer, /^HTTP\/1\.1 408/)
  })

  it('lets go of a client that sends its body too slowly', async () => {
    const socket = await client(await start({ headersMs: 300, requestMs: 600 }))
    const said = textOf(socket)
    const drip = setInterval(() => socket.write('x'), 50)
    socket.write('POST / HTTP/1.1\r\nhost: a\r\ncontent-type: text/plain\r\ncontent-length: 1000\r\n\r\n')
    const answer = await said.finally(() => clearInterval(drip))
    assert.match(answer, /^HTTP\/1\.1 408/)
  })

  it('lets go of a client that does not read its answer', async () => {
    const socket = await client(await start({ idleMs: 300 }))
    socket.write('GET /large HTTP/1.1\r\nhost: a\r\n\r\n')
    await once(socket, 'readable')
    const connections = (): Promise<number> =>
      new Promise((resolve) => opened.server?.server.getConnections((_error, count) => resolve(count)))
    while ((await connections()) > 0) await sleep(20)
  })

  it('has no more connections than it may have, and takes others when some have ended', async () => {
    const port = await start({ connections: 2 })
    const [first, , third] = [await client(port), await client(port), await client(port)]
    await closed(third)
    first.destroy()
    for (;;) {
      const socket = await client(port)
      const said = textOf(socket)
      socket.write('POST / HTTP/1.1\r\nhost: a\r\nconnection: close\r\ncontent-length: 0\r\n\r\n')
      if ((await said).startsWith('HTTP/1.1 200')) return
    }
  })
})

async function textOf(socket: Socket): Promise<string> {
  let text = ''
  socket.on('data', (bytes: Buffer) => (text += bytes.toString()))
  await closed(socket)
  return text
}

function closed(socket: Socket): Promise<void> {
  return new Promise((resolve) => socket.once('close', () => resolve()))
}
