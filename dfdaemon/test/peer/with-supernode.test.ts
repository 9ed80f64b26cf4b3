import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { isDamselflyError, systemClock, taskIdToBytes, type TaskId } from '@damselfly/shared'
import { silentLogger } from '@damselfly/shared/logging'
import {
  create,
  decode,
  encode,
  PeerBatchSchema,
  SupernodeBatchSchema,
  type MessageInitShape,
  type PeerMessage,
  type SupernodeMessageSchema,
} from '@damselfly/shared/wire'
import { createDirectTransport, createIdentity, NO_SPACE_LIMITS, type Channel, type Transport } from '@damselfly/exchange'
import { NO_RATES } from '../../src/peer/host-rates.ts'
import { createPeer } from '../../src/peer/local-peer.ts'
import type { Download, Peer } from '../../src/peer/peer.ts'
import { FakeSource } from './fake-source.ts'
import { MIB, until, wanted } from './peer-bench.ts'

type Heard = PeerMessage['body']
type Said = NonNullable<MessageInitShape<typeof SupernodeMessageSchema>['body']>

const LARGEST = 8 * MIB

describe('a peer with a supernode', () => {
  let directory: string
  let transport: Transport
  let channel: Channel | undefined
  let heard: Heard[]
  let source: FakeSource
  let peer: Peer

  beforeEach(async () => {
    directory = await mkdtemp(join(tmpdir(), 'peer-'))
    heard = []
    channel = undefined
    const identity = createIdentity()
    transport = createDirectTransport({ identity, clock: systemClock })
    const [endpoint] = await transport.listen([{ host: '127.0.0.1', port: 0 }], accept)
    source = new FakeSource(randomBytes(2 * MIB))
    peer = createPeer({
      dataDir: join(directory, 'data'),
      supernodes: [{ kind: 'direct', host: '127.0.0.1', port: endpoint?.port ?? 0, peer: identity.peerId }],
      listen: { direct: [{ host: '127.0.0.1', port: 0 }], libp2p: [], plain: [] },
      advertise: [],
      security: 'tls',
      location: { location: 'here', zone: 'one', rack: 'two' },
      uploadSlots: 3,
      rates: NO_RATES,
      parallelRanges: 2,
      freshForMs: 0,
      space: NO_SPACE_LIMITS,
      preheat: true,
      source,
      version: '0',
      clock: systemClock,
      logger: silentLogger(),
    })
    await peer.start()
    await until(() => all('hello').length === 1)
  })

  afterEach(async () => {
    await peer.stop(0)
    await transport.stop()
    await rm(directory, { recursive: true })
  })

  function accept(accepted: Channel): void {
    channel = accepted
    accepted.receive({
      message: (bytes) => {
        const { messages } = decode(PeerBatchSchema, bytes, LARGEST)
        for (const { body } of messages) {
          heard.push(body)
          // Nobody has anything: each child goes to the origin.
          if (body.case === 'register') refuse(body.value.requestId)
        }
      },
      data: () => undefined,
      closed: () => undefined,
    })
  }

  function all<C extends Heard['case']>(kind: C): Extract<Heard, { case: C }>[] {
    return heard.filter((body): body is Extract<Heard, { case: C }> => body.case === kind)
  }

  function say(body: Said): void {
    channel?.sendMessage(encode(SupernodeBatchSchema, create(SupernodeBatchSchema, { messages: [{ body }] })))
  }

  function refuse(requestId: number): void {
    say({ case: 'registered', value: { requestId, errorCode: 'SUPERNODE_OVERLOADED', errorMessage: 'full' } })
  }

  async function downloaded(): Promise<Download> {
    const download = await peer.download(wanted())
    assert.equal((await download.finished).backToSource, 'supernode-refused')
    return download
  }

  it('introduces itself as it is', () => {
    const [hello] = all('hello')
    assert.equal(hello?.value.uploadSlots, 3)
    assert.equal(hello?.value.security, 'tls')
    assert.deepEqual([hello?.value.location?.zone, hello?.value.location?.rack], ['one', 'two'])
    assert.deepEqual(hello?.value.endpoints.map(({ kind, host }) => [kind, host]), [['direct', '127.0.0.1']])
    assert.equal(peer.status().supernode.type, 'connected')
  })

  it('announces what it holds when it comes back, but not what it has deleted', async () => {
    const download = await downloaded()
    await download.release()
    channel?.abort(new Error('killed'))
    await until(() => all('announce').length === 1)
    const [announce] = all('announce')
    assert.equal(announce?.value.contentLength, BigInt(source.content.length))
    assert.deepEqual(Buffer.from(announce?.value.taskId ?? []), Buffer.from(taskIdToBytes(download.taskId)))
    await peer.deleteTask(download.taskId)
    await until(() => all('dropTask').length === 1)
    channel?.abort(new Error('killed'))
    await until(() => all('hello').length === 3)
    assert.equal(all('announce').length, 1)
  })

  it('deletes what the supernode evicts, unless it is in use or not there', async () => {
    const download = await downloaded()
    say({ case: 'evict', value: { taskId: taskIdToBytes(download.taskId) } })
    say({ case: 'evict', value: { taskId: taskIdToBytes('ab'.repeat(32) as TaskId) } })
    const again = await peer.download(wanted())
    await again.release()
    assert.equal((await peer.tasks()).length, 1)
    await download.release()
    say({ case: 'evict', value: { taskId: taskIdToBytes(download.taskId) } })
    await until(() => all('dropTask').length === 1)
    assert.deepEqual(await peer.tasks(), [])
    await assert.rejects(peer.deleteTask(download.taskId), (error) => isDamselflyError(error, 'TASK_NOT_FOUND'))
  })

  it('closes control channels that others open to it', async () => {
    const port = Number(peer.status().endpoints[0]?.split(':').at(-1))
    const caller = createDirectTransport({ identity: createIdentity(), clock: systemClock })
    const endpoint = { kind: 'direct', host: '127.0.0.1', port } as const
    const opened = await caller.dial({ endpoint, peer: undefined }, '/damselfly/control/1', new AbortController().signal)
    let isClosed = false
    opened.receive({
      message: () => undefined,
      data: () => undefined,
      closed: () => {
        isClosed = true
      },
    })
    await until(() => isClosed)
    await caller.stop()
  })
})
