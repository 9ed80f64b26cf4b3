import assert from 'node:assert/strict'
import { writeFile } from 'node:fs/promises'
import { createDirectTransport, createIdentity, createLibp2pTransport, createPlainTransport, type Endpoint, type Protocol } from '@damselfly/exchange'
import type { FaultOrigin } from '@damselfly/cdn/testing'
import { connectionsTo, Lab, until, type Daemon, type Supernode } from '@damselfly/test'

const MIB = 1024 ** 2

/** A PieceMessage: request 1 of some piece. */
const REQUEST = Uint8Array.from([0x0a, 0x26, 0x08, 0x01, 0x12, 0x20, ...new Uint8Array(32), 0x20, 0x01])

interface Standing {
  readonly peer: string
  readonly state: string
  readonly by: string
}

describe('a network that peers must be admitted to', function () {
  this.timeout(120_000)
  let lab: Lab
  let origin: FaultOrigin
  let supernode: Supernode
  let supernodes: readonly string[]

  before(async () => {
    lab = await Lab.create()
    origin = await lab.faultOrigin()
    supernode = await lab.supernode('supernode', { config: { admission: { mode: 'token' } } })
    supernodes = [supernode.address]
  })
  after(() => lab.stop())

  async function joinToken(uses: number): Promise<string> {
    const { token } = await supernode.send<{ token: string }>('POST', '/api/v1/tokens', { name: 'lab', role: 'peer', uses })
    const file = lab.path(`token-${Math.random()}`)
    await writeFile(file, token)
    return file
  }

  const isConnected = async ({ peerId }: Daemon): Promise<boolean> => {
    const { peers } = await supernode.get<{ peers: readonly { peer: string }[] }>('/api/v1/peers')
    return peers.some(({ peer }) => peer === peerId)
  }

  async function endpointsOf({ peerId }: Daemon): Promise<readonly Endpoint[]> {
    const { peers } = await supernode.get<{ peers: readonly { peer: string; endpoints: readonly Endpoint[] }[] }>('/api/v1/peers')
    return peers.find(({ peer }) => peer === peerId)?.endpoints ?? []
  }

  it('lets a peer in by its token once, and without it from then on', async () => {
    const joinTokenFile = await joinToken(1)
    const first = await lab.daemon('first', { supernodes, config: { joinTokenFile } })
    await until(async () => isConnected(first))
    await first.program.stop()
    const again = await lab.daemon('first', { supernodes })
    await until(async () => isConnected(again))
    const { peers } = await supernode.get<{ peers: readonly Standing[] }>('/api/v1/admission')
    assert.equal(peers.find(({ peer }) => peer === first.peerId)?.state, 'admitted')
    const { entries } = await supernode.get<{ entries: readonly { who: string; action: string }[] }>('/api/v1/audit?limit=1000')
    assert.ok(entries.some(({ who, action }) => who === first.peerId && action === 'join'))
  })

  it('tells a peer without one why; its downloads come from the origin, or fail with what to do', async () => {
    const stranger = await lab.daemon('stranger', { supernodes })
    const url = origin.add('/open', { size: MIB })
    const done = await lab.download(url, lab.path('open'), stranger).done()
    assert.equal(done.bytesFrom.origin, MIB)
    const { code, stderr } = await lab.dfget([url, '-o', lab.path('refused'), '--supernode', supernode.address, '--no-back-to-source']).exited
    assert.equal(code, 8, stderr)
    assert.match(stderr, /PEER_NOT_ADMITTED[^]*join token/)
    assert.equal(await isConnected(stranger), false)
  })

  it('gives a stranger nothing on any port, of the supernode and of its peers', async () => {
    const identity = createIdentity()
    const transports = [createDirectTransport({ identity }), createLibp2pTransport({ identity }), createPlainTransport({ identity })]
    const parent = await lab.daemon('parent', { supernodes, config: { joinTokenFile: await joinToken(1) } })
    await until(async () => isConnected(parent))
    const ofPeer = await endpointsOf(parent)
    const { direct, libp2p, management } = supernode.ports
    const plain = supernode.allPorts.find((port) => ![direct, libp2p, management].includes(port)) ?? 0
    const host = '127.0.0.1'
    const ofSupernode: Endpoint[] = [{ kind: 'direct', host, port: direct }, { kind: 'libp2p', host, port: libp2p }, { kind: 'plain', host, port: plain }]
    const doors: readonly Endpoint[] = [...ofSupernode, ...ofPeer]
    let bytes = 0
    let tried = 0
    try {
      for (const transport of transports) {
        for (const endpoint of doors.filter(({ kind }) => kind === transport.kind)) {
          for (const protocol of ['/damselfly/piece/1', '/damselfly/control/1'] satisfies Protocol[]) {
            tried++
            const channel = await transport.dial({ endpoint, peer: undefined }, protocol, AbortSignal.timeout(20_000)).catch(() => undefined)
            if (channel === undefined) continue
            const answered = Promise.withResolvers<void>()
            channel.receive({ message: () => answered.resolve(), data: () => void bytes++, closed: () => answered.resolve() })
            // Asks for a piece without a ticket; on a control channel, for something before Hello.
            // It may be over already.
            if (channel.isWritable) channel.sendMessage(REQUEST)
            await answered.promise
            channel.abort(new Error('enough'))
          }
        }
      }
    } finally {
      await Promise.all(transports.map((transport) => transport.stop()))
    }
    assert.ok(tried >= 10, `${tried} doors`)
    assert.equal(bytes, 0)
  })

  it('puts out a peer that is revoked: its channel, and the lanes in use at its parent, within seconds', async () => {
    const joinTokenFile = await joinToken(2)
    const config = { joinTokenFile, rates: { upload: MIB } }
    const parent = await lab.daemon('holder', { supernodes, config })
    const child = await lab.daemon('doomed', { supernodes, config: { joinTokenFile } })
    await until(async () => (await isConnected(parent)) && (await isConnected(child)))
    const url = origin.add('/slow', { size: 64 * MIB })
    await supernode.send('PATCH', '/api/v1/rates/cdn', { upload: 0 })
    await lab.download(url, lab.path('held'), parent).done()
    await supernode.send('PATCH', '/api/v1/rates/cdn', { upload: 1024 })
    const download = lab.download(url, lab.path('cut'), child, ['--no-back-to-source'])
    const lanes = async (): Promise<number> => (await Promise.all((await endpointsOf(parent)).map(({ port }) => connectionsTo(port)))).reduce((sum, count) => sum + count, 0)
    await until(async () => (await lanes()) > 0)
    const at = performance.now()
    await supernode.send('POST', `/api/v1/admission/${child.peerId}/revoke`, { note: 'stolen' })
    await until(async () => !(await isConnected(child)) && (await lanes()) === 0)
    const took = performance.now() - at
    process.stdout.write(`      a revoked peer was out after ${Math.round(took)} ms\n`)
    assert.ok(took < 10_000)
    await download.program.stop()
  })
})
