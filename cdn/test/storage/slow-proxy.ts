import { once } from 'node:events'
import { connect, createServer, type AddressInfo, type Server, type Socket } from 'node:net'

/** A TCP proxy at loopback before a server, that can be slow or say nothing. */
export class SlowProxy {
  readonly #server: Server
  readonly #sockets = new Set<Socket>()
  /** How long what the server says is held back; milliseconds. Infinity: for ever. */
  delayMs = 0
  /** Connections so far. */
  connections = 0

  static async start(target: string): Promise<SlowProxy> {
    const { hostname, port } = new URL(target)
    const proxy = new SlowProxy(hostname, Number(port))
    proxy.#server.listen(0, '127.0.0.1')
    await once(proxy.#server, 'listening')
    return proxy
  }

  private constructor(host: string, port: number) {
    this.#server = createServer((client) => {
      this.connections++
      const server = connect(port, host)
      for (const [one, other] of [[client, server], [server, client]] as const) {
        this.#sockets.add(one)
        one.on('error', () => other.destroy()).on('close', () => (this.#sockets.delete(one), other.destroy()))
      }
      client.on('data', (bytes) => server.write(bytes))
      server.on('data', (bytes) => {
        if (Number.isFinite(this.delayMs)) setTimeout(() => client.write(bytes), this.delayMs)
      })
    })
  }

  get endpoint(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`
  }

  async stop(): Promise<void> {
    for (const socket of this.#sockets) socket.destroy()
    this.#server.close()
    await once(this.#server, 'close')
  }
}
