import type { Server } from 'node:http'
import type { Duplex } from 'node:stream'
import { TLSSocket } from 'node:tls'
import type { Clock } from '@damselfly/shared'
import type { LeafCertificates } from './leaf-certificates.ts'
import type { Target } from './target.ts'

/** How long a client may take to shake hands; milliseconds. */
const HANDSHAKE_MS = 10_000

/** Speaks TLS with clients in the stead of their targets. */
export class Interception {
  readonly #leaves: LeafCertificates
  readonly #server: Server
  readonly #clock: Clock
  readonly #targets = new WeakMap<Duplex, Target>()

  /** @param server answers what comes out of the encryption */
  constructor(leaves: LeafCertificates, server: Server, clock: Clock) {
    this.#leaves = leaves
    this.#server = server
    this.#clock = clock
  }

  /** @returns where a client means to be that talks over this socket; undefined: it talks to the proxy */
  targetOf(socket: Duplex): Target | undefined {
    return this.#targets.get(socket)
  }

  /** @throws when no certificate can be made */
  async begin(socket: Duplex, target: Target): Promise<void> {
    const secureContext = await this.#leaves.contextFor(target.host)
    socket.write('HTTP/1.1 200 Connection established\r\n\r\n')
    const tls = new TLSSocket(socket, { isServer: true, secureContext, ALPNProtocols: ['http/1.1'] })
    this.#targets.set(tls, target)
    const late = this.#clock.after(HANDSHAKE_MS, () => tls.destroy())
    tls.once('close', late)
    tls.once('secure', late)
    // Such as a client that does not trust the CA; there is nobody to be told.
    tls.on('error', () => tls.destroy())
    this.#server.emit('connection', tls)
  }
}
