import assert from 'node:assert/strict'
import { once } from 'node:events'
import { connect, createServer, type AddressInfo, type Server, type Socket } from 'node:net'
import { isDamselflyError, RateLimiter, systemClock } from '@damselfly/shared'
import { createDirectTransport } from '../../src/channel/direct-transport.ts'
import { createPlainTransport } from '../../src/channel/plain-transport.ts'
import type { Endpoint } from '../../src/channel/transport.ts'
import { createIdentity } from '../../src/identity/private-key.ts'
import { createLanePool } from '../../src/lane/lane-pool.ts'
import { SecurityInForce, UNTOLD_DEMANDS } from '../../src/lane/security-in-force.ts'
import { never } from './lane-harness.ts'

const LOOPBACK = [{ host: '127.0.0.1', port: 0 }]
const TLS_RECORD = 0x16

/** Passes on what `change` makes of the first bytes that the child sends; undefined ends the connection. */
class ManInTheMiddle {
  readonly #server: Server
  readonly #sockets = new Set<Socket>()
  connections = 0

  constructor(to: Endpoint, change: (first: Buffer) => Buffer | undefined) {
    this.#server = createServer((near) => {
      this.connections++
      this.#keep(near)
      near.once('data', (first: string | Buffer) => {
        const changed = change(typeof first === 'string' ? Buffer.from(first) : first)
        if (changed === undefined) return void near.destroy()
        const far = this.#keep(connect(to.port, to.host))
        far.write(changed)
        near.pipe(far)
        far.pipe(near)
      })
    })
  }

  async listen(kind: Endpoint['kind']): Promise<Endpoint> {
    this.#server.listen(0, '127.0.0.1')
    await once(this.#server, 'listening')
    return { kind, host: '127.0.0.1', port: (this.#server.address() as AddressInfo).port }
  }

  async close(): Promise<void> {
    for (const socket of this.#sockets) socket.destroy()
    this.#server.close()
    await once(this.#server, 'close')
  }

  #keep(socket: Socket): Socket {
    this.#sockets.add(socket)
    socket.on('error', () => socket.destroy())
    return socket
  }
}

describe('somebody between child and parent', function () {
  this.timeout(20_000)
  const parent = createIdentity()
  const ends: (() => Promise<unknown>)[] = []
  afterEach(async () => {
    await Promise.all(ends.splice(0).map((end) => end()))
  })

  /** A parent that offers both kinds, each behind the man in the middle. @returns what the child is told, and who came through */
  async function behind(change: (first: Buffer) => Buffer | undefined): Promise<{ endpoints: Endpoint[]; accepted: string[]; plain: ManInTheMiddle }> {
    const accepted: string[] = []
    const endpoints: Endpoint[] = []
    let last: ManInTheMiddle | undefined
    for (const transport of [createDirectTransport({ identity: parent }), createPlainTransport({ identity: parent })]) {
      const [own] = await transport.listen(LOOPBACK, (channel) => {
        accepted.push(channel.kind)
        channel.abort(new Error('seen'))
      })
      assert.ok(own)
      const between = (last = new ManInTheMiddle(own, change))
      ends.push(() => between.close(), () => transport.stop())
      endpoints.push(await between.listen(transport.kind))
    }
    assert.ok(last)
    return { endpoints, accepted, plain: last }
  }

  async function dial(endpoints: readonly Endpoint[], security: SecurityInForce): Promise<void> {
    const identity = createIdentity()
    const transports = [createDirectTransport({ identity, ciphers: security.ciphers }), createPlainTransport({ identity })]
    const pool = createLanePool({ transports, security, clock: systemClock, downloadLimiter: new RateLimiter(0, systemClock) })
    ends.push(() => pool.close(), ...transports.map((transport) => () => transport.stop()))
    await pool.lane({ peer: parent.peerId, endpoints, security: 'plain' }, never)
  }

  const unreachable = (error: unknown): boolean => isDamselflyError(error, 'PEER_UNREACHABLE')

  for (const [name, security] of [
    ['the network demands encryption', new SecurityInForce({ security: 'plain' }, { security: 'tls' })],
    ['the supernode has not spoken yet', new SecurityInForce({ security: 'plain' }, UNTOLD_DEMANDS)],
  ] as const) {
    it(`who lets nothing but plain TCP through gets no lane, when ${name}`, async () => {
      const { endpoints, accepted, plain } = await behind((first) => (first[0] === TLS_RECORD ? undefined : first))
      await assert.rejects(dial(endpoints, security), unreachable)
      assert.deepEqual([accepted, plain.connections], [[], 0])
    })
  }

  it('who takes TLS 1.3 out of the offer gets no older one', async () => {
    // The extension supported_versions: of 43, three bytes, a list of two, TLS 1.3.
    const offer = Buffer.from([0x00, 0x2b, 0x00, 0x03, 0x02, 0x03, 0x04])
    let changed = 0
    const { endpoints, accepted } = await behind((first) => {
      const at = first.indexOf(offer)
      if (at >= 0) changed = first.writeUInt8(0x03, at + 6)
      return first
    })
    await assert.rejects(dial(endpoints.filter(({ kind }) => kind === 'direct'), new SecurityInForce({ security: 'tls' })), unreachable)
    assert.ok(changed > 0, 'the offer was found')
    assert.deepEqual(accepted, [])
  })

  it('who puts its own parent in the place of the right one is not spoken to', async () => {
    const impostor = createDirectTransport({ identity: createIdentity() })
    ends.push(() => impostor.stop())
    const [endpoint] = await impostor.listen(LOOPBACK, (channel) => channel.abort(new Error('seen')))
    assert.ok(endpoint)
    await assert.rejects(dial([endpoint], new SecurityInForce({ security: 'tls' })), unreachable)
  })
})
