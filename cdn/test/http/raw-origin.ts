import { once } from 'node:events'
import { createServer, type AddressInfo, type Socket } from 'node:net'

export interface RawOrigin {
  readonly url: string
  /** So many were accepted. */
  readonly connections: number
  /** So many came, on all connections. */
  readonly requests: number
  close(): Promise<void>
}

/** @param nth counts the requests from 0, on all connections; `own` those on this one */
export type RawAnswer = (socket: Socket, nth: number, own: number) => void

/** A TCP server on the loopback that answers each request with bytes of the test's own choice. */
export async function rawOrigin(answer: RawAnswer): Promise<RawOrigin> {
  const sockets = new Set<Socket>()
  let connections = 0
  let requests = 0
  const server = createServer((socket) => {
    sockets.add(socket)
    connections++
    let own = 0
    socket.on('error', () => undefined)
    // A request without a body comes in one piece.
    socket.on('data', () => answer(socket, requests++, own++))
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/`,
    get connections() {
      return connections
    },
    get requests() {
      return requests
    },
    async close() {
      for (const socket of sockets) socket.destroy()
      server.close()
      await once(server, 'close')
    },
  }
}
