import assert from 'node:assert/strict'
import { TicketSigner, TICKET_KEY_USE_MS } from '../../src/identity/ticket-signer.ts'
import { connectInMemory, contentOf, fetchPiece, LaneHarness, never, TASK } from './lane-harness.ts'

describe('a lane while the key of its tickets changes', () => {
  it('goes on with the piece under way, and takes the tickets of both keys', async () => {
    const harness = new LaneHarness(connectInMemory)
    const keys: string[] = []
    const begun = harness.clock.wallTime()
    // The supernode's clock alone goes on by a day: its tickets say when they are issued and expire by the parent's.
    let now = begun
    const signer = new TicketSigner({ identity: harness.supernode, wallTime: () => now, onNewKey: (key) => keys.push(key) })
    const ticket = (): Uint8Array => signer.sign({ taskId: TASK, child: harness.child.peerId, parent: harness.parent.peerId, issuedAt: begun, expiresAt: begun + 60_000 })
    const older = ticket()
    const lane = await harness.lane()
    lane.presentTicket(TASK, older)
    const parts: Buffer[] = []
    await lane.request(TASK, harness.piece(0), (bytes) => {
      parts.push(Buffer.from(bytes))
      if (keys.length > 1) return
      now = begun + TICKET_KEY_USE_MS
      lane.presentTicket(TASK, ticket())
    }, never)
    assert.equal(keys.length, 2)
    assert.deepEqual(Buffer.concat(parts), contentOf(harness.piece(0)))
    assert.deepEqual(await fetchPiece(lane, harness.piece(1)), contentOf(harness.piece(1)))
    const late = await harness.lane()
    late.presentTicket(TASK, older)
    assert.deepEqual(await fetchPiece(late, harness.piece(1)), contentOf(harness.piece(1)))
    assert.deepEqual(harness.refusals, [])
  })
})
