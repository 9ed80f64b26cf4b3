import assert from 'node:assert/strict'
import { isDamselflyError, type PeerId, type TaskId } from '@damselfly/shared'
import { create, decode, encode, SignedTicketSchema, type MessageInitShape, type SignedTicket } from '@damselfly/shared/wire'
import { createIdentity } from '../../src/identity/private-key.ts'
import { verifySignature } from '../../src/identity/peer-id.ts'
import { signTicketKey } from '../../src/identity/ticket-key.ts'
import { TicketSigner, TICKET_KEY_USE_MS } from '../../src/identity/ticket-signer.ts'
import { MAX_TICKET_BYTES, signTicket, TICKET_LIFETIME_MS, verifyTicket, type TicketGrant } from '../../src/identity/ticket.ts'

const DAY = TICKET_KEY_USE_MS
const BEGIN = 1_800_000_000_000

const supernode = createIdentity()
const child = createIdentity().peerId
const parent = createIdentity().peerId
const stranger = createIdentity()

const refusedBecause = (why: RegExp) => (error: unknown) => isDamselflyError(error, 'TICKET_INVALID') && why.test(error.message)

describe('keys that sign tickets', () => {
  let now: number
  let keys: PeerId[]
  let signer: TicketSigner

  beforeEach(() => {
    now = BEGIN
    keys = []
    signer = new TicketSigner({ identity: supernode, wallTime: () => now, onNewKey: (key) => keys.push(key) })
  })

  const grant = (lastsMs = TICKET_LIFETIME_MS): TicketGrant => ({ taskId: 'ab'.repeat(32) as TaskId, child, parent, issuedAt: now, expiresAt: now + lastsMs })
  const check = (ticket: Uint8Array): TicketGrant => verifyTicket(ticket, { supernodes: new Set([supernode.peerId]), child, parent, now })
  const read = (ticket: Uint8Array): SignedTicket => decode(SignedTicketSchema, ticket, MAX_TICKET_BYTES)
  const write = (signed: MessageInitShape<typeof SignedTicketSchema>): Uint8Array => encode(SignedTicketSchema, create(SignedTicketSchema, signed))

  it('change each day, and what the one before signed counts until it expires', () => {
    const early = signer.sign(grant())
    now = BEGIN + DAY - 1
    const late = { grant: grant(), ticket: signer.sign(grant()) }
    assert.equal(keys.length, 1)
    now = BEGIN + DAY
    const next = signer.sign(grant())
    assert.equal(keys.length, 2)
    assert.deepEqual(check(late.ticket), late.grant)
    assert.deepEqual(check(next), grant())
    assert.throws(() => check(early), refusedBecause(/expired/))
    now = late.grant.expiresAt
    assert.deepEqual(check(late.ticket), late.grant)
  })

  it('are not the identity, which signs nothing but them', () => {
    const { ticket, signature } = read(signer.sign(grant()))
    assert.equal(verifySignature(supernode.peerId, 'damselfly/ticket/1', ticket, signature), false)
    assert.ok(keys.every((key) => verifySignature(key, 'damselfly/ticket/1', ticket, signature)))
    assert.equal(keys.length, 1)
  })

  it('are another after a new start, and what was signed before it counts', () => {
    const before = signer.sign(grant())
    const restarted = new TicketSigner({ identity: supernode, wallTime: () => now })
    assert.notDeepEqual(read(restarted.sign(grant())).key, read(before).key)
    assert.deepEqual(check(before), grant())
  })

  it('do not last for years because a clock was ahead for a moment', () => {
    now = BEGIN + 400 * DAY
    signer.sign(grant())
    now = BEGIN
    signer.sign(grant())
    assert.equal(keys.length, 2)
  })

  it('that were stolen sign no ticket that outlasts them', () => {
    const stolen = createIdentity()
    const key = signTicketKey(supernode, { signer: stolen.peerId, expiresAt: BEGIN + DAY })
    assert.deepEqual(check(signTicket(stolen, grant(DAY), key)), grant(DAY))
    assert.throws(() => check(signTicket(stolen, grant(DAY + 1), key)), refusedBecause(/longer than its key/))
    now = BEGIN + DAY + 120_000
    assert.throws(() => check(signTicket(stolen, { ...grant(), issuedAt: BEGIN, expiresAt: BEGIN + DAY }, key)), refusedBecause(/expired/))
  })

  it('count by the word of a trusted supernode alone, given for just this', () => {
    const forged = signTicketKey(stranger, { signer: stranger.peerId, expiresAt: BEGIN + DAY })
    assert.throws(() => check(signTicket(stranger, grant(), forged)), refusedBecause(/key is not signed by the supernode/))
    const { ticket, signature, key } = read(signer.sign(grant()))
    const other = read(signTicket(stranger, grant(), key))
    assert.throws(() => check(write({ ticket: other.ticket, signature: other.signature, ...(key !== undefined && { key }) })), refusedBecause(/not signed by the supernode/))
    const resigned = { key: key?.key ?? new Uint8Array(), signature: supernode.sign('damselfly/ticket/1', key?.key ?? new Uint8Array()) }
    assert.throws(() => check(write({ ticket, signature, key: resigned })), refusedBecause(/key is not signed/))
    assert.throws(() => check(write({ ticket, signature })), refusedBecause(/not signed by the supernode/))
  })

  it('sign no key in their turn', () => {
    const own = createIdentity()
    const first = signTicketKey(supernode, { signer: own.peerId, expiresAt: BEGIN + DAY })
    const second = signTicketKey(own, { signer: stranger.peerId, expiresAt: BEGIN + DAY })
    assert.deepEqual(check(signTicket(own, grant(), first)), grant())
    assert.throws(() => check(signTicket(stranger, grant(), second)), refusedBecause(/key is not signed/))
  })
})
