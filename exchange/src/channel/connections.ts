import type { Server, Socket } from 'node:net'
import { DamselflyError, messageOf, systemCode } from '@damselfly/shared'
import { formatAddress } from './address.ts'
import type { Channel, ChannelKind } from './channel.ts'
import type { Endpoint, ListenAddress } from './transport.ts'

/** Everything of a transport that has to end with it: servers, sockets and channels. */
export class Connections {
  readonly #kind: ChannelKind
  readonly #servers = new Set<Server>()
  readonly #sockets = new Set<Socket>()
  readonly #channels = new Set<Channel>()
  #isStopped = false

  constructor(kind: ChannelKind) {
    this.#kind = kind
  }

  get isStopped(): boolean {
    return this.#isStopped
  }

  /**
   * Listens on every address with a server of its own; on all of them or on none.
   *
   * @throws DamselflyError ADDRESS_IN_USE, CONFIG_INVALID, CHANNEL_CLOSED when it is stopped meanwhile
   */
  async listen(addresses: readonly ListenAddress[], createServer: () => Server): Promise<readonly Endpoint[]> {
    const opened: Server[] = []
    const endpoints: Endpoint[] = []
    try {
      for (const address of addresses) {
        const server = createServer()
        opened.push(server)
        endpoints.push({ kind: this.#kind, host: address.host, port: await bind(server, address) })
        if (this.#isStopped) throw stoppedError()
      }
    } catch (error) {
      for (const server of opened) server.close()
      throw error
    }
    for (const server of opened) this.#servers.add(server)
    return endpoints
  }

  addSocket(socket: Socket): void {
    if (this.#isStopped) {
      socket.destroy()
      return
    }
    this.#sockets.add(socket)
    socket.once('close', () => this.#sockets.delete(socket))
  }

  addChannel(channel: Channel): void {
    if (this.#isStopped) channel.abort(stoppedError())
    else this.#channels.add(channel)
  }

  readonly removeChannel = (channel: Channel): void => {
    this.#channels.delete(channel)
  }

  /** Ends everything at once. Idempotent. */
  async stop(): Promise<void> {
    this.#isStopped = true
    const closed = [...this.#servers].map((server) => new Promise((resolve) => server.close(resolve)))
    this.#servers.clear()
    for (const channel of this.#channels) channel.abort(stoppedError())
    for (const socket of this.#sockets) socket.destroy()
    await Promise.all(closed)
  }
}

export function stoppedError(): DamselflyError {
  return new DamselflyError('CHANNEL_CLOSED', 'this side has stopped')
}

/** ADDRESS_IN_USE when the port is taken, CONFIG_INVALID when it cannot be had at all. */
export function listenError(error: unknown, address: ListenAddress): DamselflyError {
  const where = formatAddress(address.host, address.port)
  return systemCode(error) === 'EADDRINUSE'
    ? new DamselflyError('ADDRESS_IN_USE', `${where} is taken by another program`, { cause: error })
    : new DamselflyError('CONFIG_INVALID', `cannot listen on ${where}: ${messageOf(error)}`, { cause: error })
}

function bind(server: Server, address: ListenAddress): Promise<number> {
  return new Promise((resolve, reject) => {
    const failed = (error: Error): void => reject(listenError(error, address))
    server.once('error', failed)
    server.listen({ host: address.host, port: address.port }, () => {
      server.off('error', failed)
      // An accept that fails (no file descriptors left) is the connecting side's loss, not ours.
      server.on('error', () => undefined)
      const bound = server.address()
      resolve(typeof bound === 'object' && bound !== null ? bound.port : address.port)
    })
  })
}
