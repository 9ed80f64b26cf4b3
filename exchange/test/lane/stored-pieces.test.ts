import assert from 'node:assert/strict'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { PieceLayout, RateLimiter, sha256, systemClock } from '@damselfly/shared'
import { silentLogger } from '@damselfly/shared/logging'
import { createDirectTransport } from '../../src/channel/direct-transport.ts'
import { createIdentity } from '../../src/identity/private-key.ts'
import { signTicket } from '../../src/identity/ticket.ts'
import { createLanePool } from '../../src/lane/lane-pool.ts'
import { SecurityInForce } from '../../src/lane/security-in-force.ts'
import { createPieceServer } from '../../src/lane/piece-server.ts'
import { createLocalPieceStore } from '../../src/store/local-piece-store.ts'
import type { PieceStore, StoredTask } from '../../src/store/piece-store.ts'
import { CONTENT, never, PIECE_SIZE, TASK } from './lane-harness.ts'
import { MemoryPieceStore } from './memory-piece-store.ts'

describe('pieces on disk', () => {
  it('go from one store through a lane into another', async () => {
    const directory = await mkdtemp(join(tmpdir(), 'damselfly-lane-'))
    const [supernode, parent, child] = [createIdentity(), createIdentity(), createIdentity()]
    const [source, target] = await Promise.all(['parent', 'child'].map((name) => startStore(join(directory, name))))
    const [serving, dialing] = [createDirectTransport({ identity: parent }), createDirectTransport({ identity: child })]
    const limiter = new RateLimiter(0, systemClock)
    const common = { clock: systemClock, logger: silentLogger() }
    assert.ok(source && target)
    const server = createPieceServer({
      ...common,
      parent: parent.peerId,
      supernodes: () => new Set([supernode.peerId]),
      store: source,
      uploadLimiter: limiter,
    })
    const pool = createLanePool({ ...common, transports: [dialing], security: new SecurityInForce({ security: 'tls' }), downloadLimiter: limiter })
    try {
      const held = await emptyTask(source)
      for (const { index, offset, length } of pieces()) await write(held, index, [CONTENT.subarray(offset, offset + length)])
      const endpoints = await serving.listen([{ host: '127.0.0.1', port: 0 }], (channel) => server.serve(channel))
      const lane = await pool.lane({ peer: parent.peerId, endpoints, security: 'plain' }, never)
      const grant = { taskId: TASK, child: child.peerId, parent: parent.peerId, expiresAt: Date.now() + 60_000, issuedAt: Date.now() }
      lane.presentTicket(TASK, signTicket(supernode, grant))

      const wanted = await emptyTask(target)
      await Promise.all(
        pieces().map(async (piece) => {
          const writer = wanted.claim(piece.index, piece.length)
          assert.ok(writer)
          await lane.request(TASK, piece, (bytes) => writer.write(bytes), never)
          await writer.commit(held.digest(piece.index))
        }),
      )
      assert.deepEqual(sha256(await readFile(wanted.path!)), sha256(CONTENT))
    } finally {
      await pool.close()
      await Promise.all([serving.stop(), dialing.stop(), source.stop(), target.stop()])
      await rm(directory, { recursive: true })
    }
  })
})

const pieces = () => {
  const layout = new PieceLayout(CONTENT.length, PIECE_SIZE)
  return Array.from({ length: layout.pieceCount }, (_, index) => layout.piece(index))
}

async function startStore(directory: string): Promise<PieceStore> {
  const store = createLocalPieceStore({ directory, clock: systemClock, logger: silentLogger() })
  await store.start()
  return store
}

function emptyTask(store: PieceStore): Promise<StoredTask> {
  return store.create(new MemoryPieceStore().add(TASK, CONTENT, PIECE_SIZE).record)
}

async function write(task: StoredTask, index: number, parts: readonly Uint8Array[]): Promise<void> {
  const writer = task.claim(index, parts.reduce((sum, part) => sum + part.length, 0))
  assert.ok(writer)
  for (const part of parts) await writer.write(part)
  await writer.commit(undefined)
}
