import { constants } from 'node:crypto'
import { createServer, type OnReadOpts, type Server, type Socket } from 'node:net'
import { connect, createSecureContext, createServer as createTlsServer, type ConnectionOptions, type SecureContext, type SecureVersion, type TLSSocket } from 'node:tls'
import { DamselflyError, systemClock, type Clock, type PeerId } from '@damselfly/shared'
import { createIdentityCertificate, peerIdOfCertificate } from '../identity/certificate.ts'
import type { Identity } from '../identity/identity.ts'
import { formatAddress, plainHost } from './address.ts'
import { CIPHERS, cipherSuites, processorHasAes, type Cipher } from './cipher-choice.ts'
import { PROTOCOLS, type Channel, type Protocol } from './channel.ts'
import { ConnectionGate, type Entry } from './connection-gate.ts'
import { Connections } from './connections.ts'
import { dialWithin, HANDSHAKE_TIMEOUT_MS, unreachable, wrongPeer } from './dialing.ts'
import { FramedChannel } from './framed-channel.ts'
import { ReadBuffer, SocketLink } from './socket-link.ts'
import type { DialTarget, Endpoint, ListenAddress, Transport } from './transport.ts'

export interface SocketTransportInit {
  readonly identity: Identity
  /** @default systemClock */
  readonly clock?: Clock
  /** Who is let in; shared by all listeners of a program. @default one of its own with the usual limits */
  readonly gate?: ConnectionGate
  /** Those that TLS may use now, at least one; asked for each connection. @default all */
  readonly ciphers?: () => readonly Cipher[]
}

/** TLS records carry 16 KiB; a larger buffer would never be filled; bytes. */
const READ_BUFFER_BYTES = 32 * 1024

const TLS_1_3: SecureVersion = 'TLSv1.3'

/** TLS 1.3 over TCP; each side shows a certificate whose key is its identity, and TLS proves that it owns it. */
export function createDirectTransport(init: SocketTransportInit): Transport {
  return new DirectTransport(init)
}

class DirectTransport implements Transport {
  readonly kind = 'direct'
  readonly #identity: Identity
  readonly #clock: Clock
  readonly #gate: ConnectionGate
  readonly #connections = new Connections('direct')
  readonly #ciphers: () => readonly Cipher[]
  #credentials: Promise<TlsCredentials> | undefined
  /** Made once for each choice of ciphers: reading certificate and key anew takes as long as the handshake. */
  #dialContext: { readonly ciphers: string; readonly context: SecureContext } | undefined

  constructor(init: SocketTransportInit) {
    this.#identity = init.identity
    this.#clock = init.clock ?? systemClock
    this.#gate = init.gate ?? new ConnectionGate({ clock: this.#clock })
    this.#ciphers = init.ciphers ?? (() => CIPHERS)
  }

  async listen(addresses: readonly ListenAddress[], onChannel: (channel: Channel) => void): Promise<readonly Endpoint[]> {
    const credentials = await this.#ownCredentials()
    return this.#connections.listen(addresses, () => this.#createServer(credentials, onChannel))
  }

  async dial(target: DialTarget, protocol: Protocol, signal: AbortSignal): Promise<Channel> {
    return dialWithin(target.endpoint, signal, this.#clock, async (within) => {
      const credentials = await this.#ownCredentials()
      within.throwIfAborted()
      const readBuffer = new ReadBuffer(READ_BUFFER_BYTES)
      const { host, port } = target.endpoint
      // `onread` is documented for tls.connect but missing in its types.
      const withBuffer: ConnectionOptions & { readonly onread: OnReadOpts } = {
        ...TRUST,
        secureContext: this.#contextFor(credentials),
        host,
        port,
        ALPNProtocols: [protocol],
        onread: readBuffer.onread,
      }
      const socket = connect(withBuffer)
      this.#connections.addSocket(socket)
      const link = new SocketLink(socket, readBuffer)
      try {
        await secured(socket, within)
        return this.#open(socket, link, checkedServer(socket, target, protocol), protocol)
      } catch (error) {
        socket.destroy()
        throw error
      }
    })
  }

  stop(): Promise<void> {
    return this.#connections.stop()
  }

  #createServer(credentials: TlsCredentials, onChannel: (channel: Channel) => void): Server {
    const options = this.#optionsNow(credentials)
    const securing = createTlsServer({ ...options, ...TRUST, ALPNProtocols: [...PROTOCOLS], handshakeTimeout: HANDSHAKE_TIMEOUT_MS })
    /** Of connections whose handshake is under way, by where they come from. */
    const entries = new Map<string, Entry>()
    let { ciphers } = options
    securing.on('tlsClientError', (_error, socket) => socket.destroy())
    securing.on('secureConnection', (socket) => {
      entries.get(originOfSocket(socket))?.proved()
      this.#accept(socket, onChannel)
    })
    return createServer((socket) => {
      const entry = this.#gate.enter(socket.remoteAddress ?? '')
      if (entry === undefined) return socket.destroy()
      const origin = originOfSocket(socket)
      entries.set(origin, entry)
      socket.once('close', () => {
        entries.delete(origin)
        entry.left()
      })
      this.#connections.addSocket(socket)
      const now = this.#optionsNow(credentials)
      if (now.ciphers !== ciphers) {
        ciphers = now.ciphers
        securing.setSecureContext(now)
      }
      // Begins the handshake, as if that server had been connected to.
      securing.emit('connection', socket)
    })
  }

  #accept(socket: TLSSocket, onChannel: (channel: Channel) => void): void {
    const link = new SocketLink(socket, undefined)
    const protocol = PROTOCOLS.find((known) => known === socket.alpnProtocol)
    const peer = peerOf(socket)
    const leave = protocol === undefined || peer === undefined ? undefined : this.#gate.channel(peer)
    if (protocol === undefined || peer === undefined || leave === undefined) socket.destroy()
    else onChannel(this.#open(socket, link, peer, protocol, leave))
  }

  #open(socket: TLSSocket, link: SocketLink, remotePeer: PeerId, protocol: Protocol, leave?: () => void): Channel {
    const channel = new FramedChannel({
      link,
      kind: 'direct',
      protocol,
      remotePeer,
      remoteAddress: formatAddress(plainHost(socket.remoteAddress ?? ''), socket.remotePort ?? 0),
      clock: this.#clock,
      onFinished: (finished) => {
        leave?.()
        this.#connections.removeChannel(finished)
      },
    })
    this.#connections.addChannel(channel)
    return channel
  }

  #contextFor(credentials: TlsCredentials): SecureContext {
    const options = this.#optionsNow(credentials)
    if (this.#dialContext?.ciphers !== options.ciphers) {
      this.#dialContext = { ciphers: options.ciphers, context: createSecureContext(options) }
    }
    return this.#dialContext.context
  }

  #optionsNow({ hasAes, ...credentials }: TlsCredentials): TlsOptions {
    return { ...credentials, ciphers: cipherSuites(hasAes, this.#ciphers()) }
  }

  #ownCredentials(): Promise<TlsCredentials> {
    this.#credentials ??= credentialsOf(this.#identity)
    return this.#credentials
  }
}

/** No authority signs identities: the key in the certificate is the identity, and we check that. */
const TRUST = { requestCert: true, rejectUnauthorized: false, checkServerIdentity: () => undefined } as const

interface TlsCredentials {
  readonly cert: string
  readonly key: string
  readonly hasAes: boolean
  readonly minVersion: SecureVersion
  readonly honorCipherOrder: true
  readonly secureOptions: number
}

type TlsOptions = Omit<TlsCredentials, 'hasAes'> & { readonly ciphers: string }

async function credentialsOf(identity: Identity): Promise<TlsCredentials> {
  const [{ certificate, privateKey }, hasAes] = await Promise.all([createIdentityCertificate(identity), processorHasAes()])
  return {
    cert: certificate,
    key: privateKey,
    hasAes,
    minVersion: TLS_1_3,
    honorCipherOrder: true,
    // Without tickets no session is resumed, so every channel proves both keys anew; a child
    // whose machine has no AES puts ChaCha20 first, and gets it.
    secureOptions: constants.SSL_OP_NO_TICKET | constants.SSL_OP_PRIORITIZE_CHACHA,
  }
}

/** Unlike any other connection's to the same listener. */
function originOfSocket({ remoteAddress, remotePort }: Socket): string {
  return `${remoteAddress} ${remotePort}`
}

function secured(socket: TLSSocket, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const settle = (error?: unknown): void => {
      signal.removeEventListener('abort', aborted)
      socket.off('secureConnect', settle)
      socket.off('error', settle)
      socket.off('close', closed)
      if (error === undefined) resolve()
      else reject(error)
    }
    const aborted = (): void => settle(signal.reason)
    const closed = (): void => settle(new Error('the connection ended in the handshake'))
    signal.addEventListener('abort', aborted, { once: true })
    socket.once('secureConnect', settle)
    socket.once('error', settle)
    socket.once('close', closed)
  })
}

function checkedServer(socket: TLSSocket, target: DialTarget, protocol: Protocol): PeerId {
  if (socket.alpnProtocol !== protocol) {
    throw unreachable(target.endpoint, new DamselflyError('PROTOCOL', `it does not speak ${protocol}`))
  }
  const peer = peerOf(socket)
  if (peer === undefined) throw wrongPeer(target.endpoint, target.peer ?? 'a peer', 'not a peer')
  if (target.peer !== undefined && peer !== target.peer) throw wrongPeer(target.endpoint, target.peer, peer)
  return peer
}

function peerOf(socket: TLSSocket): PeerId | undefined {
  const certificate = socket.getPeerX509Certificate()
  return certificate === undefined ? undefined : peerIdOfCertificate(certificate)
}
