import assert from 'node:assert/strict'
import fc from 'fast-check'
import { taskIdOf, taskRecord } from '@damselfly/exchange/testing/piece-store'
import { decodeTaskRecord, encodeTaskRecord } from '../../src/store/task-record-codec.ts'
import { decodeTaskState, encodeTaskState } from '../../src/store/task-state.ts'

// deepEqual tells an object without a prototype from one with it.
const PLAIN = { noNullPrototype: true } as const

const length = fc.option(fc.nat(), { nil: undefined })
const digest = fc.option(fc.uint8Array({ minLength: 32, maxLength: 32 }), { nil: undefined })

const record = fc
  .record({
    url: fc.string({ unit: 'grapheme' }),
    filteredQueryParams: fc.array(fc.string()),
    tag: fc.string({ unit: 'binary' }),
    application: fc.string(),
    range: fc.option(fc.record({ start: fc.nat(), end: fc.nat() }, PLAIN), { nil: undefined }),
    headers: fc.array(fc.tuple(fc.string(), fc.string())),
    expectedDigest: digest,
    contentDigest: digest,
    contentLength: length,
    pieceSize: fc.integer({ min: 1, max: 2 ** 24 }),
    etag: fc.string(),
    lastModified: fc.string(),
    isPrivate: fc.boolean(),
    pinned: fc.boolean(),
    signedManifest: fc.option(fc.uint8Array({ maxLength: 300 }), { nil: undefined }),
    createdAt: fc.nat(),
    lastUsedAt: fc.double({ min: 0, max: 2e12, noNaN: true }),
  })
  .map((fields) => taskRecord(fields))

const stamp = fc.record({ mtimeMs: fc.double({ min: 1, max: 2e12, noNaN: true }), size: fc.nat() }, PLAIN)

const state = fc.record(
  {
    verifiedBytes: fc.nat(),
    lastUsedAt: fc.nat(),
    trustedSince: fc.nat(),
    stamp: fc.option(stamp, { nil: undefined }),
    uses: fc.record({ hits: fc.nat(), servedBytes: fc.maxSafeNat(), originBytes: fc.maxSafeNat() }, PLAIN),
  },
  { ...PLAIN, requiredKeys: ['verifiedBytes', 'lastUsedAt', 'trustedSince', 'stamp'] },
)

describe('what the index holds', () => {
  it('gives a record back as it was', () => {
    fc.assert(
      fc.property(record, (given) => assert.deepEqual(decodeTaskRecord(given.taskId, encodeTaskRecord(given)), given)),
    )
  })

  it('gives a state back as it was', () => {
    fc.assert(fc.property(state, (given) => assert.deepEqual(decodeTaskState(encodeTaskState(given)), given)))
  })

  it('is never trusted to be a record', () => {
    const taskId = taskIdOf('a task')
    fc.assert(
      fc.property(fc.oneof(fc.string(), fc.json()), (text) => {
        assert.equal(decodeTaskRecord(taskId, text), undefined)
        assert.equal(decodeTaskState(text), undefined)
      }),
    )
    assert.equal(decodeTaskRecord('../../etc/passwd', encodeTaskRecord(taskRecord())), undefined)
  })

  it('is refused when any part of a record is damaged', () => {
    const good = JSON.parse(encodeTaskRecord(taskRecord({ contentDigest: new Uint8Array(32) }))) as Record<string, unknown>
    const anything = fc.oneof(fc.constant(null), fc.constant([1]), fc.constant({ x: 1 }), fc.constant(-1.5))
    fc.assert(
      fc.property(fc.constantFrom(...Object.keys(good)), anything, (key, value) => {
        fc.pre(!(typeof good[key] === 'number' && typeof value === 'number'))
        assert.equal(decodeTaskRecord(taskIdOf('a task'), JSON.stringify({ ...good, [key]: value })), undefined)
      }),
    )
  })
})
