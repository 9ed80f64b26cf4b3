import assert from 'node:assert/strict'
import fc from 'fast-check'
import { Bitset, isDamselflyError, sha256, type PeerId, type TaskId } from '@damselfly/shared'
import { AssignSchema, create, ParentSchema, RegisteredSchema, TaskUpdateSchema } from '@damselfly/shared/wire'
import {
  announceToWire,
  assignmentFromWire,
  endpointFromWire,
  newsFromWire,
  parentFromWire,
  registeredFromWire,
  registerToWire,
  specToWire,
} from '../../src/control/wire-mapping.ts'

const TASK = 'ab'.repeat(32) as TaskId
const DIGEST = sha256(Buffer.from('piece'))

describe('control messages to the supernode', () => {
  it('carry what the caller asked for', () => {
    const spec = specToWire({
      url: 'https://origin.example/file?sig=1',
      filteredQueryParams: ['sig'],
      tag: 'nightly',
      range: { start: 10, end: 19 },
      headers: new Map([['accept', 'text/plain']]),
    })
    assert.equal(spec.url, 'https://origin.example/file?sig=1')
    assert.deepEqual(spec.filteredQueryParams, ['sig'])
    assert.equal(spec.digest.length, 0)
    assert.deepEqual([spec.range?.start, spec.range?.end], [10n, 19n])
    assert.deepEqual(spec.headers.map(({ name, value }) => [name, value]), [['accept', 'text/plain']])
  })

  it('keep credentials apart from the task', () => {
    const register = registerToWire(7, {
      taskId: TASK,
      identity: { url: 'https://origin.example/file' },
      credentials: new Map([['authorization', 'Bearer secret']]),
      order: 'in-order',
      held: { contentLength: 10, pieceSize: 4, pieces: Bitset.of(3, [1]) },
    })
    assert.equal(register.spec?.headers.length, 0)
    assert.deepEqual(register.credentials.map(({ name, value }) => [name, value]), [['authorization', 'Bearer secret']])
    assert.deepEqual([...Bitset.fromBytes(register.held, 3).members()], [1])
  })

  it('announce digests by index with zeros for what is not here', () => {
    const announce = announceToWire({
      taskId: TASK,
      identity: { url: 'https://origin.example/file' },
      contentLength: 6,
      pieceSize: 4,
      have: Bitset.of(2, [1]),
      digests: [undefined, DIGEST],
      signedManifest: undefined,
      contentDigest: undefined,
      etag: '"v1"',
      lastModified: '',
      isPrivate: false,
    })
    assert.deepEqual(Buffer.from(announce.pieceDigests), Buffer.concat([Buffer.alloc(32), DIGEST]))
  })
})

describe('control messages from the supernode', () => {
  it('give a refusal as its error', () => {
    const refusal = create(RegisteredSchema, { requestId: 1, errorCode: 'ORIGIN_NOT_FOUND', errorMessage: 'gone' })
    assert.throws(() => registeredFromWire(refusal), (error) => isDamselflyError(error, 'ORIGIN_NOT_FOUND') && error.message === 'gone')
  })

  it('tell an unknown length from an empty content', () => {
    assert.equal(registeredFromWire(create(RegisteredSchema, { pieceSize: 4 })).contentLength, undefined)
    assert.equal(registeredFromWire(create(RegisteredSchema, { pieceSize: 4, contentLength: 0n })).contentLength, 0)
  })

  it('keep nothing of their frame in memory', () => {
    const frame = new Uint8Array(1000).fill(1)
    const update = create(TaskUpdateSchema, { signedManifest: frame.subarray(0, 100), digests: [{ index: 0, digest: frame.subarray(0, 32) }] })
    const news = newsFromWire(update)
    const { signedTicket } = parentFromWire(create(ParentSchema, { security: 'tls', signedTicket: frame.subarray(0, 200) }))
    for (const bytes of [news.signedManifest, news.digests[0]?.digest, signedTicket]) {
      assert.ok(bytes !== undefined && bytes.buffer.byteLength === bytes.length)
    }
  })

  it('are refused without a usable digest', () => {
    for (const digest of [new Uint8Array(), new Uint8Array(31), new Uint8Array(32)]) {
      const assign = create(AssignSchema, { index: 1, parent: 'p', digest })
      assert.throws(() => assignmentFromWire(assign), (error) => isDamselflyError(error, 'PROTOCOL'))
    }
  })

  it('are refused with a length beyond what a number holds', () => {
    const update = create(TaskUpdateSchema, { contentLength: 2n ** 63n })
    assert.throws(() => newsFromWire(update), (error) => isDamselflyError(error, 'PROTOCOL'))
  })

  it('leave out endpoints of unknown kinds and impossible ports', () => {
    const parent = parentFromWire(
      create(ParentSchema, {
        peer: '12D3KooWparent',
        security: 'tls',
        endpoints: [
          { kind: 'direct', host: '::1', port: 65_002 },
          { kind: 'pigeon', host: '::1', port: 65_002 },
          { kind: 'libp2p', host: '::1', port: 0 },
        ],
      }),
    )
    assert.equal(parent.peer, '12D3KooWparent' as PeerId)
    assert.deepEqual(parent.endpoints, [{ kind: 'direct', host: '::1', port: 65_002 }])
  })

  it('never yield a port outside 1 to 65535', () => {
    fc.assert(
      fc.property(fc.string(), fc.string(), fc.integer({ min: 0, max: 0xffff_ffff }), (kind, host, port) => {
        const endpoint = endpointFromWire({ $typeName: 'damselfly.Endpoint', kind, host, port })
        assert.ok(endpoint === undefined || (endpoint.port >= 1 && endpoint.port <= 65_535))
      }),
    )
  })
})
