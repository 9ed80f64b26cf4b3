import assert from 'node:assert/strict'
import { isDamselflyError, type PeerId, type TaskId } from '@damselfly/shared'
import { create, encode, SignedTicketSchema, TicketSchema } from '@damselfly/shared/wire'
import fc from 'fast-check'
import { createIdentity } from '../../src/identity/private-key.ts'
import { CLOCK_SKEW_MS, signTicket, verifyTicket, type TicketExpectation } from '../../src/identity/ticket.ts'

const supernode = createIdentity()
const child = createIdentity().peerId
const parent = createIdentity().peerId
const stranger = createIdentity()
const taskId = 'ab'.repeat(32) as TaskId
const expiresAt = 1_800_000_000_000
const grant = { taskId, child, parent, expiresAt, issuedAt: expiresAt - 5000 }
const expected: TicketExpectation = { supernodes: new Set([supernode.peerId]), child, parent, now: expiresAt - 1000 }

const refusedBecause = (why: RegExp) => (error: unknown) =>
  isDamselflyError(error, 'TICKET_INVALID') && why.test(error.message)

describe('a ticket', () => {
  it('counts for the child, the parent and the task that the supernode named', () => {
    assert.deepEqual(verifyTicket(signTicket(supernode, grant), expected), grant)
  })

  it('counts when any of several supernodes signed it', () => {
    const supernodes = new Set([stranger.peerId, supernode.peerId])
    assert.deepEqual(verifyTicket(signTicket(supernode, grant), { ...expected, supernodes }), grant)
  })

  it('does not count when somebody else signed it, or nobody is trusted', () => {
    const bytes = signTicket(stranger, grant)
    assert.throws(() => verifyTicket(bytes, expected), refusedBecause(/not signed/))
    const supernodes = new Set<PeerId>()
    assert.throws(() => verifyTicket(signTicket(supernode, grant), { ...expected, supernodes }), refusedBecause(/not signed/))
  })

  it('does not count for another child or parent', () => {
    const bytes = signTicket(supernode, grant)
    assert.throws(() => verifyTicket(bytes, { ...expected, child: parent }), refusedBecause(/for the child/))
    assert.throws(() => verifyTicket(bytes, { ...expected, parent: child }), refusedBecause(/for the parent/))
  })

  it('counts a little past its time, since clocks differ, and then no more', () => {
    const bytes = signTicket(supernode, grant)
    assert.ok(verifyTicket(bytes, { ...expected, now: expiresAt + CLOCK_SKEW_MS }))
    assert.throws(() => verifyTicket(bytes, { ...expected, now: expiresAt + CLOCK_SKEW_MS + 1 }), refusedBecause(/expired 60 s ago/))
  })

  it('never grants anything else when one bit of it is changed', () => {
    const bytes = signTicket(supernode, grant)
    fc.assert(
      fc.property(fc.nat(bytes.length - 1), fc.nat(7), (at, bit) => {
        const changed = Buffer.from(bytes)
        changed[at] = (changed[at] ?? 0) ^ (1 << bit)
        try {
          // Bits of the envelope that say nothing may change.
          assert.deepEqual(verifyTicket(changed, expected), grant)
        } catch (error) {
          assert.ok(refusedBecause(/./)(error), String(error))
        }
      }),
    )
  })

  it('does not count when it is garbage, signed or not', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 2000 }), (bytes) => {
        assert.throws(() => verifyTicket(bytes, expected), refusedBecause(/./))
        const signature = supernode.sign('damselfly/ticket/1', bytes)
        const signed = encode(SignedTicketSchema, create(SignedTicketSchema, { ticket: bytes, signature }))
        assert.throws(() => verifyTicket(signed, expected), refusedBecause(/./))
      }),
      { numRuns: 50 },
    )
  })

  it('does not count with a time beyond all times', () => {
    const ticket = encode(TicketSchema, create(TicketSchema, { taskId: Buffer.from(taskId, 'hex'), child, parent, expiresAt: 2n ** 63n }))
    const signature = supernode.sign('damselfly/ticket/1', ticket)
    const bytes = encode(SignedTicketSchema, create(SignedTicketSchema, { ticket, signature }))
    assert.throws(() => verifyTicket(bytes, expected), refusedBecause(/out of range/))
  })
})
