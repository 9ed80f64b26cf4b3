import { once } from 'node:events'
import { createServer, type IncomingMessage, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { bencode } from './bencode.ts'

/** How long peers wait before they ask again; seconds. */
const INTERVAL = 2

/** Tells the peers of one torrent of each other. It believes everybody, since only loopback reaches it. */
export class Tracker {
  readonly #server: Server
  /** Address and port in the compact form, by `ADDRESS:PORT`. */
  readonly #peers = new Map<string, Buffer>()

  private constructor() {
    this.#server = createServer((request, response) => response.end(this.#answer(request)))
  }

  static async start(): Promise<Tracker> {
    const tracker = new Tracker()
    tracker.#server.listen(0, '127.0.0.1')
    await once(tracker.#server, 'listening')
    return tracker
  }

  get url(): string {
    const { port } = this.#server.address() as AddressInfo
    return `http://127.0.0.1:${port}/announce`
  }

  /** Resolves when so many peers are known. */
  async peersAre(count: number): Promise<void> {
    while (this.#peers.size < count) await once(this.#server, 'request')
  }

  async stop(): Promise<void> {
    this.#server.closeAllConnections()
    this.#server.close()
    await once(this.#server, 'close')
  }

  #answer({ url = '/', socket }: IncomingMessage): Buffer {
    // The torrent's hash is not valid UTF-8, but nothing here looks at it.
    const query = new URL(url, this.url).searchParams
    const port = Number(query.get('port'))
    const address = socket.remoteAddress ?? ''
    const key = `${address}:${port}`
    const others = [...this.#peers].filter(([other]) => other !== key).map(([, compact]) => compact)
    if (query.get('event') === 'stopped') this.#peers.delete(key)
    else this.#peers.set(key, compactOf(address, port))
    return bencode({ interval: INTERVAL, peers: Buffer.concat(others) })
  }
}

function compactOf(address: string, port: number): Buffer {
  return Buffer.from([...address.split('.').map(Number), port >> 8, port & 0xff])
}
