import assert from 'node:assert/strict'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { isDamselflyError, RateLimiter, sha256, systemClock, taskIdFromBytes, type PeerId } from '@damselfly/shared'
import { loadConfig } from '@damselfly/shared/config'
import { silentLogger } from '@damselfly/shared/logging'
import { create, decode, encode, PeerBatchSchema, SupernodeBatchSchema, type SupernodeMessage } from '@damselfly/shared/wire'
import { createFaultOrigin, generatedContent, type FaultOrigin } from '@damselfly/cdn/testing'
import {
  createDirectTransport,
  createIdentity,
  createLibp2pTransport,
  createPlainTransport,
  openLane,
  type Channel,
  type ChannelKind,
  type Identity,
  type Transport,
} from '@damselfly/exchange'
import { completeConfig, supernodeConfigSchema, type SupernodeConfig } from '../src/config/config.ts'
import { createSupernode, type Supernode, type SupernodeAddresses } from '../src/supernode.ts'

const MIB = 1024 * 1024

function transportOf(kind: ChannelKind, identity: Identity): Transport {
  const make = { direct: createDirectTransport, libp2p: createLibp2pTransport, plain: createPlainTransport }[kind]
  return make({ identity })
}

/** Everything that is heard on a control channel, as something to wait for. */
class Ears {
  readonly heard: SupernodeMessage['body'][] = []
  isClosed = false
  readonly #waiters = new Set<() => void>()

  constructor(channel: Channel) {
    channel.receive({
      message: (bytes) => {
        this.heard.push(...decode(SupernodeBatchSchema, bytes, bytes.length).messages.map(({ body }) => body))
        this.#wake()
      },
      data: () => undefined,
      closed: () => {
        this.isClosed = true
        this.#wake()
      },
    })
  }

  async when<T>(find: () => T | undefined): Promise<T> {
    for (;;) {
      const found = find()
      if (found !== undefined) return found
      await new Promise<void>((resolve) => this.#waiters.add(resolve))
    }
  }

  #wake(): void {
    const waiting = [...this.#waiters]
    this.#waiters.clear()
    for (const wake of waiting) wake()
  }
}

describe('a supernode with real sockets and disk', () => {
  let dataDir: string
  let supernode: Supernode
  let origin: FaultOrigin
  const transports: Transport[] = []

  const configOf = (more: Record<string, unknown> = {}): SupernodeConfig => {
    const listen = { addresses: ['127.0.0.1'], directPort: 0, libp2pPort: 0, plainPort: 0 }
    const flags = { dataDir, listen, management: { addresses: ['127.0.0.1'], port: 0 }, ...more }
    return completeConfig(loadConfig({ schema: supernodeConfigSchema, program: 'supernode', env: {}, flags }), dataDir)
  }

  const start = async (more: Record<string, unknown> = {}): Promise<SupernodeAddresses> => {
    supernode = createSupernode(configOf(more), { version: '0.0.0', logger: silentLogger() })
    return await supernode.start()
  }

  const dial = async (addresses: SupernodeAddresses, kind: ChannelKind, identity: Identity): Promise<Channel> => {
    const endpoint = addresses.endpoints.find((one) => one.kind === kind)
    assert.ok(endpoint)
    const transport = transportOf(kind, identity)
    transports.push(transport)
    return await transport.dial({ endpoint, peer: addresses.peerId }, '/damselfly/control/1', AbortSignal.timeout(10_000))
  }

  beforeEach(async () => {
    dataDir = await mkdtemp(join(tmpdir(), 'damselfly-supernode-'))
    origin = await createFaultOrigin()
  })

  afterEach(async () => {
    await Promise.all(transports.splice(0).map((transport) => transport.stop()))
    await supernode.stop(1000)
    await origin.close()
    await rm(dataDir, { recursive: true })
  })

  for (const kind of ['direct', 'libp2p'] as const) {
    it(`gives a content of an HTTP origin to a child on a ${kind} channel, piece by piece`, async () => {
      const content = generatedContent(3 * MIB + 5, 7)
      const url = origin.add('/file', { body: content })
      const addresses = await start()
      const identity = createIdentity()
      const channel = await dial(addresses, kind, identity)
      const ears = new Ears(channel)
      const spec = { url }
      const hello = { case: 'hello', value: { security: 'tls', agent: 'test', uploadSlots: 0 } } as const
      const register = { case: 'register', value: { requestId: 1, spec, order: 'rarest-first' } } as const
      channel.sendMessage(encode(PeerBatchSchema, create(PeerBatchSchema, { messages: [{ body: hello }, { body: register }] })))
      const answer = await ears.when(() => ears.heard.flatMap((body) => (body.case === 'registered' ? [body.value] : []))[0])
      assert.equal(answer.errorCode, '')
      const want = { case: 'want', value: { taskId: answer.taskId, count: 4 } } as const
      channel.sendMessage(encode(PeerBatchSchema, create(PeerBatchSchema, { messages: [{ body: want }] })))
      const assigns = await ears.when(() => {
        const found = ears.heard.flatMap((body) => (body.case === 'assign' ? [body.value] : []))
        return found.length === 4 ? found : undefined
      })
      const parent = ears.heard.flatMap((body) => (body.case === 'parent' ? [body.value] : []))[0]
      assert.ok(parent)
      assert.deepEqual(new Set(parent.endpoints.map((one) => one.kind)), new Set(['plain', 'direct', 'libp2p']))
      const [transport] = transports
      const endpoint = addresses.endpoints.find((one) => one.kind === kind)
      assert.ok(endpoint !== undefined && transport !== undefined)
      const signal = AbortSignal.timeout(10_000)
      const pieces = await transport.dial({ endpoint, peer: parent.peer as PeerId }, '/damselfly/piece/1', signal)
      const lane = openLane(pieces, { downloadLimiter: new RateLimiter(0, systemClock) })
      const taskId = taskIdFromBytes(answer.taskId)
      lane.presentTicket(taskId, parent.signedTicket)
      for (const { index, digest } of assigns) {
        const length = Math.min(answer.pieceSize, content.length - index * answer.pieceSize)
        const chunks: Uint8Array[] = []
        const keep = (bytes: Uint8Array): void => void chunks.push(Buffer.from(bytes))
        await lane.request(taskId, { index, offset: index * answer.pieceSize, length }, keep, signal)
        assert.deepEqual(sha256(Buffer.concat(chunks)), Buffer.from(digest))
      }
      assert.equal(origin.stats('/file').bodyBytes, content.length)
      await lane.close()
    })
  }

  it('says Goodbye to its peers and frees ports and store, so that it can start again as the same one', async () => {
    const first = await start()
    const channel = await dial(first, 'direct', createIdentity())
    const ears = new Ears(channel)
    const hello = { case: 'hello', value: { security: 'tls' } } as const
    channel.sendMessage(encode(PeerBatchSchema, create(PeerBatchSchema, { messages: [{ body: hello }] })))
    await ears.when(() => (ears.heard.some((body) => body.case === 'welcome') ? true : undefined))
    await supernode.stop(1000)
    await ears.when(() => (ears.isClosed ? true : undefined))
    assert.equal(ears.heard.at(-1)?.case, 'goodbye')
    const second = await start()
    assert.equal(second.peerId, first.peerId)
    assert.equal(await readFile(second.adminTokenFile, 'utf8'), await readFile(first.adminTokenFile, 'utf8'))
  })

  it('never takes a control channel in the clear', async () => {
    const addresses = await start({ security: 'plain' })
    await assert.rejects(dial(addresses, 'plain', createIdentity()), /encrypted/)
    const kinds = addresses.endpoints.map((endpoint) => endpoint.kind)
    assert.deepEqual(kinds, ['plain', 'direct', 'libp2p'])
  })

  it('frees what it took when a port is taken', async () => {
    const first = await start()
    const taken = first.endpoints.find((one) => one.kind === 'libp2p')?.port
    const otherDir = await mkdtemp(join(tmpdir(), 'damselfly-second-'))
    const listen = { addresses: ['127.0.0.1'], directPort: 0, libp2pPort: taken, plainPort: 0 }
    const config = { ...configOf({ listen }), dataDir: otherDir }
    const second = createSupernode(config, { version: '0.0.0', logger: silentLogger() })
    await assert.rejects(second.start(), (error) => isDamselflyError(error, 'ADDRESS_IN_USE'))
    await rm(otherDir, { recursive: true })
  })
})
