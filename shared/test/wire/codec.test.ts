import assert from 'node:assert/strict'
import {
  create,
  decode,
  encode,
  PeerBatchSchema,
  PieceMessageSchema,
  SignedManifestSchema,
  SignedTicketSchema,
} from '@damselfly/shared/wire'
import { ManifestSchema, SupernodeBatchSchema, TicketSchema, toNumber } from '@damselfly/shared/wire'
import { isDamselflyError } from '@damselfly/shared'
import fc from 'fast-check'

const LIMIT = 64 * 1024
const DECODERS = {
  PeerBatch: (bytes: Uint8Array) => encode(PeerBatchSchema, decode(PeerBatchSchema, bytes, LIMIT)),
  SupernodeBatch: (bytes: Uint8Array) => encode(SupernodeBatchSchema, decode(SupernodeBatchSchema, bytes, LIMIT)),
  PieceMessage: (bytes: Uint8Array) => encode(PieceMessageSchema, decode(PieceMessageSchema, bytes, LIMIT)),
  Manifest: (bytes: Uint8Array) => encode(ManifestSchema, decode(ManifestSchema, bytes, LIMIT)),
  SignedManifest: (bytes: Uint8Array) => encode(SignedManifestSchema, decode(SignedManifestSchema, bytes, LIMIT)),
  Ticket: (bytes: Uint8Array) => encode(TicketSchema, decode(TicketSchema, bytes, LIMIT)),
  SignedTicket: (bytes: Uint8Array) => encode(SignedTicketSchema, decode(SignedTicketSchema, bytes, LIMIT)),
}

const bytes = fc.uint8Array({ maxLength: 40 })
const uint32 = fc.nat(0xffffffff)

/** One of the messages that peers send, with all the field types that the schemas use. */
const peerMessage = fc.oneof(
  fc.record({ taskId: bytes, index: uint32, parent: fc.string(), bytes: uint32, durationUs: uint32 }).map((value) => ({
    body: { case: 'pieceDone' as const, value },
  })),
  fc
    .record({
      taskId: bytes,
      contentLength: fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }),
      have: bytes,
      privateContent: fc.boolean(),
    })
    .map((value) => ({
      body: { case: 'announce' as const, value },
    })),
  fc
    .record({
      requestId: uint32,
      order: fc.string(),
      credentials: fc.array(fc.record({ name: fc.string(), value: fc.string() })),
    })
    .map((value) => ({
      body: { case: 'register' as const, value },
    })),
)

function isProtocolError(error: unknown): boolean {
  return isDamselflyError(error, 'PROTOCOL')
}

describe('wire messages', () => {
  it('survive the way to bytes and back', () => {
    fc.assert(
      fc.property(fc.array(peerMessage), (messages) => {
        const batch = create(PeerBatchSchema, { messages })
        assert.deepEqual(decode(PeerBatchSchema, encode(PeerBatchSchema, batch), LIMIT), batch)
      }),
    )
  })

  it('tell an absent length from a length of 0', () => {
    const of = (contentLength?: bigint): bigint | undefined => {
      const body = { case: 'registered' as const, value: contentLength === undefined ? {} : { contentLength } }
      const sent = encode(SupernodeBatchSchema, create(SupernodeBatchSchema, { messages: [{ body }] }))
      const received = decode(SupernodeBatchSchema, sent, LIMIT).messages[0]?.body
      return received?.case === 'registered' ? received.value.contentLength : undefined
    }
    assert.equal(of(), undefined)
    assert.equal(of(0n), 0n)
  })

  for (const [name, reencode] of Object.entries(DECODERS)) {
    it(`refuse any bytes that are no ${name} with PROTOCOL and nothing else`, () => {
      fc.assert(
        fc.property(fc.uint8Array({ maxLength: 300 }), (garbage) => {
          try {
            reencode(garbage)
          } catch (error) {
            assert.ok(isProtocolError(error), String(error))
          }
        }),
        { numRuns: 1000 },
      )
    })
  }

  it('refuse a message with some bytes changed or cut off with PROTOCOL and nothing else', () => {
    fc.assert(
      fc.property(
        fc.array(peerMessage, { minLength: 1 }),
        fc.nat(),
        fc.nat(255),
        fc.nat(),
        (messages, at, byte, cut) => {
          const damaged = encode(PeerBatchSchema, create(PeerBatchSchema, { messages })).slice()
          damaged[at % damaged.length] = byte
          try {
            DECODERS.PeerBatch(damaged.subarray(0, damaged.length - (cut % 3)))
          } catch (error) {
            assert.ok(isProtocolError(error), String(error))
          }
        },
      ),
      { numRuns: 1000 },
    )
  })

  it('skip and forget fields of a later version', () => {
    const unknownField = Uint8Array.of(0xfa, 0x3f, 3, 1, 2, 3)
    assert.deepEqual(decode(TicketSchema, unknownField, LIMIT), create(TicketSchema))
  })

  it('are not decoded past their limit', () => {
    const ticket = encode(TicketSchema, create(TicketSchema, { child: 'x'.repeat(100) }))
    assert.ok(decode(TicketSchema, ticket, ticket.length))
    assert.throws(() => decode(TicketSchema, ticket, ticket.length - 1), isProtocolError)
  })

  it('cannot claim more than they carry', () => {
    // Field 1, length-delimited, 4 GiB announced, nothing there.
    assert.throws(() => decode(TicketSchema, Uint8Array.of(0x0a, 0xff, 0xff, 0xff, 0xff, 0x0f), LIMIT), isProtocolError)
  })
})

describe('toNumber', () => {
  it('gives the very number, or PROTOCOL where a number cannot hold it', () => {
    fc.assert(
      fc.property(fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }), (value) => {
        if (value <= BigInt(Number.MAX_SAFE_INTEGER)) assert.equal(BigInt(toNumber(value, 'a length')), value)
        else assert.throws(() => toNumber(value, 'a length'), isProtocolError)
      }),
    )
    assert.throws(() => toNumber(2n ** 53n, 'a length'), isProtocolError)
  })
})
