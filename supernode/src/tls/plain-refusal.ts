import type { Server } from 'node:https'
import type { Socket } from 'node:net'
import { DamselflyError } from '@damselfly/shared'
import { toApiErrorBody } from '@damselfly/shared/http-api'

/** The first byte of every TLS connection: a record of the handshake. */
const HANDSHAKE = 0x16

/** How long somebody may say nothing, and read the refusal; milliseconds. */
const PATIENCE_MS = 10_000

/** Tells those who speak plain HTTP to a port of TLS what is wrong, where they would only see the connection end. */
export function refusePlainHttp(server: Server): void {
  const [secure] = server.listeners('connection') as ((socket: Socket) => void)[]
  if (secure === undefined) throw new Error('a server of TLS listens to its connections')
  const open = new Set<Socket>()
  server.removeAllListeners('connection')
  server.on('connection', (socket: Socket) => {
    open.add(socket)
    const ignore = (): void => void socket.destroy()
    socket.on('error', ignore)
    socket.setTimeout(PATIENCE_MS, ignore)
    socket.once('close', () => void open.delete(socket))
    socket.once('data', (first: Buffer) => {
      if (first[0] !== HANDSHAKE) return refuse(socket)
      socket.pause()
      socket.setTimeout(0)
      socket.off('timeout', ignore)
      socket.off('error', ignore)
      socket.unshift(first)
      secure.call(server, socket)
    })
  })
  // A server that closes waits for all connections, but itself closes only those whose handshake is over.
  const closeAll = server.closeAllConnections.bind(server)
  server.closeAllConnections = () => {
    for (const socket of open) socket.destroy()
    closeAll()
  }
}

function refuse(socket: Socket): void {
  const message = 'this port speaks HTTPS: write https:// instead of http://; a token that was sent in the clear may have been read'
  const body = JSON.stringify(toApiErrorBody(new DamselflyError('USAGE', message)))
  const head = ['HTTP/1.1 400 Bad Request', 'content-type: application/json', 'cache-control: no-store', `content-length: ${Buffer.byteLength(body)}`, 'connection: close']
  socket.resume()
  socket.end(`${head.join('\r\n')}\r\n\r\n${body}`)
}
