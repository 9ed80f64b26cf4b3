import assert from 'node:assert/strict'
import { DamselflyError, isDamselflyError, systemClock, type PeerId } from '@damselfly/shared'
import { decode, PeerBatchSchema } from '@damselfly/shared/wire'
import { silentLogger } from '@damselfly/shared/logging'
import { createDirectTransport } from '../../src/channel/direct-transport.ts'
import type { Endpoint, Transport } from '../../src/channel/transport.ts'
import { ControlClient } from '../../src/control/control-client.ts'
import { parseJoinToken, shownTo, type JoinToken } from '../../src/control/join-token.ts'
import type { KnownSupernodes } from '../../src/control/known-supernodes.ts'
import { createSupernodeDialer } from '../../src/control/supernode-dialer.ts'
import { createIdentity } from '../../src/identity/private-key.ts'

const SECRET = 'x'.repeat(43)

/** Somebody who listens where a supernode is expected, and writes down all that is said. */
class Listener {
  readonly identity = createIdentity()
  readonly heard: Buffer[] = []
  readonly #transport: Transport = createDirectTransport({ identity: this.identity })

  async listen(): Promise<Endpoint> {
    const [endpoint] = await this.#transport.listen([{ host: '127.0.0.1', port: 0 }], (channel) =>
      channel.receive({ message: (bytes) => void this.heard.push(Buffer.from(bytes)), data: (_stream, bytes) => void this.heard.push(Buffer.from(bytes)), closed: () => undefined }),
    )
    return endpoint ?? assert.fail()
  }

  /** The tokens in the greetings that came. */
  get shown(): readonly string[] {
    const said = this.heard.flatMap((bytes) => decode(PeerBatchSchema, bytes, bytes.length).messages)
    return said.flatMap(({ body }) => (body.case === 'hello' ? [body.value.joinToken] : []))
  }

  async stop(): Promise<void> {
    await this.#transport.stop()
  }
}

describe('a join token', () => {
  const meant = createIdentity().peerId
  let listener: Listener
  let endpoint: Endpoint
  let transport: Transport

  beforeEach(async () => {
    listener = new Listener()
    endpoint = await listener.listen()
    transport = createDirectTransport({ identity: createIdentity() })
  })
  afterEach(async () => {
    await transport.stop()
    await listener.stop()
  })

  const tokenOf = (supernode: PeerId | undefined): JoinToken => parseJoinToken(`dfly_0123456789ab_${SECRET}${supernode === undefined ? '' : `.${supernode}`}`)

  /** A peer's whole way to its supernode, as `LocalPeer` puts it together. @returns why it has no channel; undefined: it has one */
  async function join(token: JoinToken, pinned?: PeerId, seen?: PeerId): Promise<DamselflyError | undefined> {
    const known: Pick<KnownSupernodes, 'check'> = {
      async check(address, peer) {
        if (seen !== undefined && peer !== seen) throw new DamselflyError('SUPERNODE_IDENTITY', `${address} was ${seen} before`)
      },
    }
    const dial = createSupernodeDialer({ addresses: [{ kind: 'direct', host: endpoint.host, port: endpoint.port, peer: pinned }], transports: [transport], known, joinToken: async () => token })
    const client = new ControlClient({
      dial,
      hello: (supernode) => ({ joinToken: shownTo(supernode, token), agent: 'test' }),
      inventory: { taskIds: () => [], held: async () => undefined },
      onRate: () => undefined,
      onEvict: () => undefined,
      clock: systemClock,
      random: () => 0.5,
      logger: silentLogger(),
    })
    client.start()
    await client.settled(AbortSignal.timeout(20_000))
    const { state } = client
    await client.stop()
    return state.type === 'connected' ? undefined : state.error
  }

  it('is shown to the supernode that made it, once that one has proved who it is', async () => {
    assert.equal(await join(tokenOf(listener.identity.peerId)), undefined)
    assert.deepEqual(listener.shown, [tokenOf(listener.identity.peerId).text])
  })

  for (const [whom, token, pinned, seen] of [
    ['that it does not name', tokenOf(meant), undefined, undefined],
    ['that is not the pinned one', tokenOf(undefined), meant, undefined],
    ['that is not the one of before', tokenOf(undefined), undefined, meant],
  ] as const) {
    it(`is not shown to a supernode ${whom}, which hears nothing at all`, async () => {
      const error = await join(token, pinned, seen)
      assert.ok(isDamselflyError(error, 'SUPERNODE_IDENTITY'), String(error))
      assert.deepEqual(listener.heard, [])
    })
  }

  it('is left out of the greeting where the configuration pins another supernode than made it', async () => {
    assert.equal(await join(tokenOf(meant), listener.identity.peerId), undefined)
    assert.deepEqual(listener.shown, [''])
  })
})
