import assert from 'node:assert/strict'
import { createHash, randomBytes } from 'node:crypto'
import type { Stream } from '@libp2p/interface'
import { noise } from '@libp2p/noise'
import { tcp } from '@libp2p/tcp'
import { yamux } from '@libp2p/yamux'
import { createLibp2p, type Libp2p } from 'libp2p'
import { ConnectionGate } from '../../src/channel/connection-gate.ts'
import { startNode } from '../../src/channel/libp2p-node.ts'
import { createLibp2pTransport } from '../../src/channel/libp2p-transport.ts'
import type { Channel } from '../../src/channel/channel.ts'
import { Recorder } from '../../src/channel/testing/recorder.ts'
import type { Transport } from '../../src/channel/transport.ts'
import { createIdentity } from '../../src/identity/private-key.ts'

const PROTOCOL = '/test/1'
const CONTENT = randomBytes(5 * 1024 * 1024 + 77)

describe('a libp2p node of ours', () => {
  const nodes: Libp2p[] = []
  const transports: Transport[] = []
  const kept = <T extends Libp2p>(node: T): T => {
    nodes.push(node)
    return node
  }
  const ours = async (): Promise<Libp2p> => kept((await startNode(createIdentity(), [{ host: '127.0.0.1', port: 0 }], new ConnectionGate())).node)
  /** As libp2p's documentation sets one up. */
  const stock = async (): Promise<Libp2p> =>
    kept(
      await createLibp2p({
        addresses: { listen: ['/ip4/127.0.0.1/tcp/0'] },
        transports: [tcp()],
        connectionEncrypters: [noise()],
        streamMuxers: [yamux()],
      }),
    )
  afterEach(async () => {
    await Promise.all(transports.splice(0).map((transport) => transport.stop()))
    await Promise.all(nodes.splice(0).map(async (node) => node.stop()))
  })

  for (const [from, to, dialing, answering] of [
    ['ours', 'a stock one', ours, stock],
    ['a stock one', 'ours', stock, ours],
    ['ours', 'ours', ours, ours],
  ] as const) {
    it(`exchanges bulk both ways when ${from} dials ${to}`, async () => {
      const [near, far] = await Promise.all([dialing(), answering()])
      const arrived = Promise.withResolvers<string>()
      await far.handle(PROTOCOL, async (stream) => {
        const [digest] = await Promise.all([digestOf(stream), send(stream, CONTENT)])
        arrived.resolve(digest)
      })
      const stream = await near.dialProtocol(far.getMultiaddrs(), PROTOCOL)
      const [digest] = await Promise.all([digestOf(stream), send(stream, CONTENT)])
      assert.equal(digest, sha256(CONTENT))
      assert.equal(await arrived.promise, sha256(CONTENT))
    })
  }

  it('keeps the bytes of channels apart that share a connection, while some of them wait', async () => {
    const [parent, child] = [createIdentity(), createIdentity()]
    const [listening, dialer] = [parent, child].map((identity) => createLibp2pTransport({ identity })) as [Transport, Transport]
    transports.push(listening, dialer)
    const accepted: Channel[] = []
    const [endpoint] = await listening.listen([{ host: '127.0.0.1', port: 0 }], (channel) => void accepted.push(channel))
    assert.ok(endpoint)
    const never = new AbortController().signal
    const near = await Promise.all([1, 2, 3].map(() => dialer.dial({ endpoint, peer: parent.peerId }, '/damselfly/piece/1', never)))
    await until(() => accepted.length === near.length)
    const recorders = near.map((channel, turn) => {
      const recorder = new Recorder()
      // Each stops in the middle of what came now and then, so that some of it stays while others go on.
      let events = turn
      recorder.onEvent = () => {
        if (++events % 7 !== 0) return
        channel.pause()
        setImmediate(() => channel.resume())
      }
      channel.receive(recorder)
      return recorder
    })
    for (const channel of accepted) channel.receive(new Recorder())
    await Promise.all(accepted.map(async (channel, turn) => sendFrames(channel, CONTENT, 20_000 * (turn + 1) + turn)))
    await Promise.all(recorders.map((recorder) => recorder.when(() => recorder.dataBytes === CONTENT.length)))
    for (const recorder of recorders) assert.equal(recorder.dataHash.digest('hex'), sha256(CONTENT))
  })
})

async function sendFrames(channel: Channel, content: Uint8Array, size: number): Promise<void> {
  for (let at = 0; at < content.length; at += size) {
    await channel.writable()
    void channel.sendData(1, content.subarray(at, at + size))
  }
}

async function send(stream: Stream, content: Uint8Array): Promise<void> {
  const size = 100_000
  for (let at = 0; at < content.length; at += size) {
    if (!stream.send(content.subarray(at, at + size))) await stream.onDrain()
  }
  await stream.close()
}

async function digestOf(stream: Stream): Promise<string> {
  const hash = createHash('sha256')
  for await (const part of stream) for (const bytes of part instanceof Uint8Array ? [part] : part) hash.update(bytes)
  return hash.digest('hex')
}

function sha256(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex')
}

async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await new Promise((resolve) => setImmediate(resolve))
}
