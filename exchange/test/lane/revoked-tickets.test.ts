import assert from 'node:assert/strict'
import { isDamselflyError, RateLimiter, systemClock, VirtualClock, type TaskId } from '@damselfly/shared'
import { RevokedTickets } from '../../src/identity/revoked-tickets.ts'
import { createDirectTransport } from '../../src/channel/direct-transport.ts'
import { createLanePool } from '../../src/lane/lane-pool.ts'
import { SecurityInForce } from '../../src/lane/security-in-force.ts'
import { connectInMemory, contentOf, fetchPiece, LaneHarness, never, TASK } from './lane-harness.ts'

const OTHER = 'cd'.repeat(32) as TaskId

describe('tickets that the supernode took back', () => {
  let revoked: RevokedTickets
  let harness: LaneHarness

  beforeEach(() => {
    revoked = new RevokedTickets(() => systemClock.now())
    harness = new LaneHarness(connectInMemory, { revoked })
  })

  const now = (): number => harness.clock.wallTime()

  it('end the channel of a revoked child while a piece is on its way, and open none again', async () => {
    const lane = await harness.laneWithTicket()
    let bytes = 0
    const fetched = lane.request(TASK, harness.piece(0), (portion) => {
      bytes += portion.length
      revoked.add([{ subject: { peer: harness.child.peerId }, issuedUntil: now() }])
    }, never)
    await assert.rejects(fetched, (error) => isDamselflyError(error, 'CHANNEL_CLOSED'))
    assert.ok(bytes < harness.piece(0).length)
    assert.equal(lane.closed.aborted, true)
    const again = await harness.lane()
    again.presentTicket(TASK, harness.ticket({ issuedAt: now() - 1000 }))
    await assert.rejects(fetchPiece(again, harness.piece(0)), (error) => isDamselflyError(error, 'TICKET_INVALID') && /took the ticket back/.test(error.message))
  })

  it('leave other children alone', async () => {
    const lane = await harness.laneWithTicket()
    revoked.add([{ subject: { peer: harness.supernode.peerId }, issuedUntil: now() }, { subject: { taskId: OTHER }, issuedUntil: now() }])
    assert.deepEqual(await fetchPiece(lane, harness.piece(0)), contentOf(harness.piece(0)))
  })

  it('end what is asked for of a task, until a new ticket is shown on the same lane', async () => {
    const lane = await harness.laneWithTicket()
    assert.deepEqual(await fetchPiece(lane, harness.piece(0)), contentOf(harness.piece(0)))
    const until = now()
    revoked.add([{ subject: { taskId: TASK }, issuedUntil: until }])
    await assert.rejects(fetchPiece(lane, harness.piece(0)), (error) => isDamselflyError(error, 'TICKET_INVALID'))
    assert.equal(lane.closed.aborted, false)
    // Narrower than the first: it must replace it all the same.
    lane.presentTicket(TASK, harness.ticket({ issuedAt: until + 1, expiresAt: now() + 5_000 }))
    assert.deepEqual(await fetchPiece(lane, harness.piece(1)), contentOf(harness.piece(1)))
  })

  it('cannot be shown again in place of a newer one that ends sooner', async () => {
    const clock = new VirtualClock(1_800_000_000_000)
    harness = new LaneHarness(connectInMemory, { revoked, clock })
    const lane = await harness.lane()
    lane.presentTicket(TASK, harness.ticket({ issuedAt: now() + 5, expiresAt: now() + 5_000 }))
    lane.presentTicket(TASK, harness.ticket({ issuedAt: now(), expiresAt: now() + 3_600_000 }))
    assert.deepEqual(await fetchPiece(lane, harness.piece(0)), contentOf(harness.piece(0)))
    clock.advance(66_000)
    await assert.rejects(fetchPiece(lane, harness.piece(0)), (error) => isDamselflyError(error, 'TICKET_INVALID'))
  })

  it('are forgotten once they would have expired anyway', () => {
    const clock = new VirtualClock(1_800_000_000_000)
    const book = new RevokedTickets(() => clock.now())
    const grant = { taskId: TASK, child: harness.child.peerId, parent: harness.parent.peerId, issuedAt: 5 }
    book.add([{ subject: { peer: grant.parent }, issuedUntil: 5 }])
    assert.deepEqual([5, 6].map((issuedAt) => book.isRevoked({ ...grant, issuedAt })), [true, false])
    clock.advance(63 * 60_000)
    book.add([])
    assert.equal(book.isRevoked(grant), false)
  })

  it('end the lanes to a revoked parent, at once and on real sockets', async () => {
    const [serving, dialing] = [createDirectTransport({ identity: harness.parent }), createDirectTransport({ identity: harness.child })]
    const endpoints = await serving.listen([{ host: '127.0.0.1', port: 0 }], (channel) => harness.server.serve(channel))
    const pool = createLanePool({ transports: [dialing], security: new SecurityInForce({ security: 'tls' }), clock: systemClock, downloadLimiter: new RateLimiter(0, systemClock) })
    try {
      const parent = { peer: harness.parent.peerId, endpoints, security: 'tls' } as const
      const lanes = [await pool.lane(parent, never), await pool.lane(parent, never, TASK)]
      for (const lane of lanes) lane.presentTicket(TASK, harness.ticket())
      pool.cut([harness.child.peerId])
      assert.deepEqual(lanes.map(({ closed }) => closed.aborted), [false, false])
      const fetched = lanes.map((lane) => assert.rejects(lane.request(TASK, harness.piece(0), () => pool.cut([harness.parent.peerId]), never)))
      await Promise.all(fetched)
      assert.deepEqual(lanes.map(({ closed }) => closed.aborted), [true, true])
    } finally {
      await Promise.all([pool.close(), serving.stop(), dialing.stop()])
    }
  })
})
