import assert from 'node:assert/strict'
import { ERROR_CODES, isErrorCode, merkleRoot, type PeerId, type TaskId } from '@damselfly/shared'
import { create, decode, encode, ManifestSchema, PeerBatchSchema, PieceMessageSchema, SignedManifestSchema, SignedTicketSchema, SupernodeBatchSchema } from '@damselfly/shared/wire'
import { FRAME, frameHeader, FrameDecoder } from '../../../exchange/src/channel/frame.ts'
import type { ByteLink, ByteLinkHandler } from '../../../exchange/src/channel/byte-link.ts'
import { answerPlainly } from '../../../exchange/src/channel/plain-handshake.ts'
import { newsFromWire, assignmentFromWire, parentFromWire, ratesFromWire, registeredFromWire } from '../../../exchange/src/control/wire-mapping.ts'
import { createIdentity } from '../../../exchange/src/identity/private-key.ts'
import { signManifest, verifyManifest } from '../../../exchange/src/identity/signed-manifest.ts'
import { TicketSigner } from '../../../exchange/src/identity/ticket-signer.ts'
import { signTicket, verifyTicket } from '../../../exchange/src/identity/ticket.ts'
import { decodePieceMessage, encodeRefusal, encodeRequest, encodeTicket } from '../../../exchange/src/lane/piece-messages.ts'
import { readAnnouncement } from '../../../supernode/src/control/announcement.ts'
import { readCredentials, readSpec } from '../../../supernode/src/control/peer-words.ts'
import type { FuzzTarget } from '../../src/fuzz/target.ts'
import { unlessRefused } from '../../src/fuzz/refusals.ts'

const MAX_MESSAGE = 1 << 20
const LIMITS = { maxMessageBytes: 400, maxDataBytes: 600, highWaterMark: 1000 }

const supernode = createIdentity()
const child = createIdentity().peerId
const parent = createIdentity().peerId
const taskId = 'ab'.repeat(32) as TaskId
const now = 1_800_000_000_000
const grant = { taskId, child, parent, issuedAt: now - 1000, expiresAt: now + 1000 }
const ticket = signTicket(supernode, grant)
const delegated = new TicketSigner({ identity: supernode, wallTime: () => now }).sign(grant)

const digests = [1, 2, 3].map((fill) => Buffer.alloc(32, fill))
const manifest = signManifest(
  supernode,
  create(ManifestSchema, { taskId: Buffer.alloc(32, 7), contentLength: 2500n, pieceSize: 1000, pieceDigests: Buffer.concat(digests), merkleRoot: merkleRoot(digests), url: 'http://origin.example/file' }),
)

const spec = { url: 'http://user:word@origin.example/file?a=1', filteredQueryParams: ['a'], tag: 'tag', headers: [{ name: 'Accept', value: 'text/plain' }], range: { start: 1n, end: 9n } }
const peerBatch = encode(
  PeerBatchSchema,
  create(PeerBatchSchema, {
    messages: [
      { body: { case: 'announce', value: { taskId: Buffer.alloc(32, 1), spec, contentLength: 2500n, pieceSize: 1000, have: Buffer.from([0b101]), pieceDigests: Buffer.concat(digests) } } },
      { body: { case: 'register', value: { requestId: 1, spec, credentials: [{ name: 'Authorization', value: 'Basic eDp5' }] } } },
      { body: { case: 'pieceDone', value: { taskId: Buffer.alloc(32, 1), index: 1, parent, bytes: 1000, durationUs: 5 } } },
    ],
  }),
)
const supernodeBatch = encode(
  SupernodeBatchSchema,
  create(SupernodeBatchSchema, {
    messages: [
      { body: { case: 'registered', value: { requestId: 1, taskId: Buffer.alloc(32, 1), contentLength: 2500n, pieceSize: 1000 } } },
      { body: { case: 'assign', value: { taskId: Buffer.alloc(32, 1) } } },
      { body: { case: 'setRate', value: {} } },
    ],
  }),
)

/** Decodes, and holds what it decoded against what that encodes to. */
function roundTrip<T>(read: (bytes: Uint8Array) => T, write: (message: T) => Uint8Array, input: Uint8Array): T | undefined {
  const message = unlessRefused(() => read(input), 'PROTOCOL')
  if (message === undefined) return undefined
  const again = write(message)
  assert.deepEqual(write(read(again)), again)
  return message
}

function readFrames(input: Uint8Array, cut: number): string {
  const heard: string[] = []
  let open: { stream: number; bytes: Buffer } | undefined
  const flush = (): void => {
    if (open !== undefined) heard.push(`${open.stream}:${open.bytes.toString('hex')}`)
    open = undefined
  }
  const decoder = new FrameDecoder(LIMITS, {
    message: (bytes) => {
      flush()
      assert.ok(bytes.length <= LIMITS.maxMessageBytes)
      heard.push(`message:${Buffer.from(bytes).toString('hex')}`)
    },
    data: (stream, bytes) => {
      if (open !== undefined && open.stream !== stream) flush()
      open = { stream, bytes: Buffer.concat([open?.bytes ?? Buffer.alloc(0), bytes]) }
    },
    end: () => {
      flush()
      heard.push('end')
    },
  })
  try {
    for (let at = 0; at < input.length; at += cut) decoder.push(input.subarray(at, at + cut))
  } catch (error) {
    if (unlessRefused(() => { throw error }, 'PROTOCOL') === undefined) heard.push('refused')
  }
  assert.ok(decoder.gatheredBytes <= LIMITS.maxMessageBytes)
  flush()
  return heard.join(' ')
}

/** A link that brings an input and then ends. */
class InputLink implements ByteLink {
  readonly written: Uint8Array[] = []
  readonly #input: Uint8Array
  #begun = false

  constructor(input: Uint8Array) {
    this.#input = input
  }

  attach(handler: ByteLinkHandler): void {
    if (this.#begun) return
    this.#begun = true
    queueMicrotask(() => {
      handler.bytes(this.#input)
      handler.ended()
      handler.closed(undefined)
    })
  }

  write(parts: readonly Uint8Array[], written: (error: Error | undefined) => void): void {
    this.written.push(...parts)
    written(undefined)
  }

  pause(): void {}
  resume(): void {}
  end(): void {}
  destroy(): void {}
}

const request = encodeRequest(1, taskId, { index: 3, start: 0, length: 1000, end: 1000 } as never, 'foreground')

export const targets: readonly FuzzTarget[] = [
  {
    name: 'frames',
    seeds: [Buffer.concat([frameHeader(FRAME.message, 0, 3), Buffer.from('abc'), frameHeader(FRAME.data, 7, 2), Buffer.from('de'), frameHeader(FRAME.end, 0, 0)])],
    run: (input) => assert.equal(readFrames(input, 1 + (input.length % 13)), readFrames(input, Math.max(1, input.length)), 'what is heard depends on how the bytes are cut'),
  },
  {
    name: 'piece-messages',
    seeds: [request, encodeTicket(ticket), encodeRefusal(1, 'NOT_FOUND', 'gone')],
    run: (input) => void roundTrip(decodePieceMessage, (message) => encode(PieceMessageSchema, message), input),
  },
  {
    name: 'control-from-peers',
    seeds: [peerBatch],
    run: (input) => {
      const batch = roundTrip((bytes) => decode(PeerBatchSchema, bytes, MAX_MESSAGE), (message) => encode(PeerBatchSchema, message), input)
      for (const { body } of batch?.messages ?? []) {
        if (body.case === 'announce') unlessRefused(() => readAnnouncement(body.value), 'PROTOCOL', 'USAGE', 'URL_REFUSED')
        if (body.case !== 'register') continue
        const read = unlessRefused(() => readSpec(body.value.spec), 'PROTOCOL', 'USAGE', 'URL_REFUSED')
        if (read !== undefined) assert.ok(URL.parse(read.url)?.username === '' && URL.parse(read.url)?.password === '', 'a URL keeps its user info')
        if (body.value.spec !== undefined) unlessRefused(() => readCredentials(body.value.spec?.url ?? '', body.value.credentials), 'PROTOCOL', 'USAGE', 'URL_REFUSED')
      }
    },
  },
  {
    name: 'control-from-supernode',
    seeds: [supernodeBatch],
    run: (input) => {
      const batch = roundTrip((bytes) => decode(SupernodeBatchSchema, bytes, MAX_MESSAGE), (message) => encode(SupernodeBatchSchema, message), input)
      for (const { body } of batch?.messages ?? []) {
        const codes = ['PROTOCOL', 'SECURITY_MISMATCH'] as const
        const everyCode = Object.keys(ERROR_CODES).filter(isErrorCode)
        // The answer may be a refusal, with any code.
        if (body.case === 'registered') unlessRefused(() => registeredFromWire(body.value), ...everyCode)
        if (body.case === 'assign') unlessRefused(() => assignmentFromWire(body.value), ...codes)
        if (body.case === 'parent') unlessRefused(() => parentFromWire(body.value), ...codes)
        if (body.case === 'taskUpdate') unlessRefused(() => newsFromWire(body.value), ...codes)
        if (body.case === 'setRate') unlessRefused(() => ratesFromWire(body.value), ...codes)
      }
    },
  },
  {
    name: 'tickets',
    seeds: [ticket, delegated, encode(SignedTicketSchema, create(SignedTicketSchema, {}))],
    run: (input) => {
      const read = unlessRefused(() => verifyTicket(input, { supernodes: new Set([supernode.peerId]), child, parent, now }), 'TICKET_INVALID')
      if (read !== undefined) assert.deepEqual(read, grant, 'a ticket grants what nobody signed')
    },
  },
  {
    name: 'signed-manifests',
    seeds: [manifest, encode(SignedManifestSchema, create(SignedManifestSchema, {}))],
    run: (input) => {
      const read = unlessRefused(() => verifyManifest(input, new Set([supernode.peerId])), 'PROTOCOL')
      if (read !== undefined) assert.deepEqual(encode(ManifestSchema, read), encode(ManifestSchema, verifyManifest(manifest, new Set([supernode.peerId]))), 'a manifest counts that nobody signed')
    },
  },
  {
    name: 'plain-handshake',
    seeds: [Buffer.concat([Buffer.from('DFPLAIN1'), Buffer.alloc(32, '/damselfly/piece/1\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0'), Buffer.alloc(64, 5), Buffer.alloc(64)])],
    words: ['DFPLAIN1', '/damselfly/piece/1', '/damselfly/control/1'],
    run: async (input) => {
      const link = new InputLink(input)
      const outcome = await answerPlainly(link, supernode, new AbortController().signal).then(
        ({ remotePeer }) => remotePeer as PeerId | undefined,
        (error: unknown) => unlessRefused<PeerId | undefined>(() => { throw error }, 'PROTOCOL', 'PEER_IDENTITY', 'CHANNEL_CLOSED'),
      )
      assert.equal(outcome, undefined, 'a peer is believed that proved no key')
      assert.ok(link.written.length <= 1)
    },
  },
]
