import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { readFile } from 'node:fs/promises'
import { connect, type Socket } from 'node:net'
import { generatedContent, type FaultOrigin } from '@damselfly/cdn/testing'
import { Lab, type Daemon, type Program, type Supernode } from '@damselfly/test'

const MIB = 1024 ** 2
const SIZE = 4 * MIB

/** More than garbage collection and caches explain would be a leak; bytes. */
const MOST_GROWTH = 96 * MIB

interface PeerView {
  readonly peer: string
  readonly endpoints: readonly { readonly port: number }[]
}

describe('garbage on every port', function () {
  this.timeout(120_000)
  let lab: Lab
  let origin: FaultOrigin
  let supernode: Supernode
  let daemon: Daemon
  let ports: readonly number[]

  before(async function () {
    // Only Linux tells here how much memory a process has.
    if (process.platform !== 'linux') return this.skip()
    lab = await Lab.create()
    origin = await lab.faultOrigin()
    supernode = await lab.supernode('supernode', { config: { security: 'plain' } })
    daemon = await lab.daemon('daemon', { supernodes: [supernode.address], config: { security: 'plain' } })
    // With the first download the peer is known to be connected.
    await works('before')
    const { peers } = await supernode.get<{ peers: readonly PeerView[] }>('/api/v1/peers')
    const peerPorts = peers.flatMap(({ endpoints }) => endpoints.map(({ port }) => port))
    ports = [...supernode.allPorts, ...peerPorts]
  })

  after(() => lab?.stop())

  it('ends the connection, and neither the program nor its memory', async () => {
    assert.equal(new Set(ports).size, 7)
    const before = await Promise.all([supernode.program, daemon.program].map(residentBytes))
    for (let round = 0; round < 10; round++) {
      await Promise.all(ports.flatMap((port) => messages().map((bytes) => send(port, bytes))))
    }
    const after = await Promise.all([supernode.program, daemon.program].map(residentBytes))
    for (const [i, bytes] of after.entries()) assert.ok(bytes - (before[i] ?? 0) < MOST_GROWTH, `${before[i]} to ${bytes}`)
    await works('after')
  })

  it('that never ends does not keep others waiting', async () => {
    const sockets = await Promise.all(ports.flatMap((port) => Array.from({ length: 20 }, () => open(port))))
    // The first bytes of a TLS record, a frame, an HTTP request: the rest is waited for.
    for (const socket of sockets) socket.write(Buffer.from([0x16, 0x03, 0x01]))
    await works('slow writers')
    for (const socket of sockets) socket.destroy()
  })

  async function works(name: string): Promise<void> {
    const url = origin.add(`/${encodeURIComponent(name)}`, { size: SIZE })
    const output = lab.path(name)
    await lab.download(url, output, daemon).done()
    assert.ok((await readFile(output)).equals(generatedContent(SIZE)))
    await supernode.get('/api/v1/version')
  }
})

function messages(): readonly Uint8Array[] {
  return [
    randomBytes(1),
    randomBytes(10_000),
    Buffer.alloc(65_536),
    // Lengths that nobody should believe.
    Buffer.alloc(16, 0xff),
    Buffer.from('7fffffff0100', 'hex'),
    Buffer.from(`GET ${'/a'.repeat(20_000)} HTTP/1.1\r\n\r\n`),
    Buffer.from('\x13/multistream/1.0.0\n\xff\xff\xff\xff\x0f', 'latin1'),
  ]
}

async function open(port: number): Promise<Socket> {
  const socket = connect(port, '127.0.0.1')
  socket.on('error', () => undefined)
  await once(socket, 'connect')
  return socket
}

/** Resolves when all has been sent and the connection is over, whoever ended it. */
async function send(port: number, bytes: Uint8Array): Promise<void> {
  const socket = await open(port)
  const closed = new Promise((resolve) => socket.once('close', resolve))
  socket.resume().end(bytes)
  await closed
}

async function residentBytes({ pid }: Program): Promise<number> {
  const status = await readFile(`/proc/${pid}/status`, 'utf8')
  return Number(/^VmRSS:\s+(\d+) kB$/m.exec(status)?.[1]) * 1024
}
