import assert from 'node:assert/strict'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import fc from 'fast-check'
import { createLocalPieceStore, type PieceStore, type PieceWriter, type StoredTask } from '@damselfly/exchange'
import { DamselflyError, sha256, systemClock } from '@damselfly/shared'
import { silentLogger } from '@damselfly/shared/logging'
import { ContentHash } from '../../src/fetch-once/content-hash.ts'
import { PieceSink } from '../../src/fetch-once/piece-sink.ts'
import { newRecord } from '../../src/fetch-once/task-record.ts'
import { generatedContent } from '../../src/testing/index.ts'
import { specOf } from './cdn-fixture.ts'

const PIECE = 1000
const SIGNAL = new AbortController().signal

describe('the piece sink', () => {
  let directory: string
  let store: PieceStore
  let tasks = 0
  before(async () => {
    directory = await mkdtemp(join(tmpdir(), 'damselfly-sink-'))
    store = createLocalPieceStore({ directory, clock: systemClock, logger: silentLogger() })
    await store.start()
  })
  after(async () => {
    await store.stop()
    await rm(directory, { recursive: true, force: true })
  })

  async function create(length: number | undefined): Promise<StoredTask> {
    const spec = specOf(`http://x/${tasks++}`)
    return store.create({ ...newRecord(spec, length, { etag: '', lastModified: '' }, false, 0), pieceSize: PIECE })
  }

  const sinkOf = (stored: StoredTask): { sink: PieceSink; hash: ContentHash } => {
    const hash = new ContentHash(stored, SIGNAL)
    return { sink: new PieceSink(stored, hash, () => undefined), hash }
  }

  it('stores the same, however the stream is cut and wherever it begins again', async () => {
    const sizes = fc.integer({ min: 0, max: 4 * PIECE })
    const cuts = fc.array(fc.integer({ min: 1, max: 2 * PIECE }), { minLength: 1 })
    const breaks = fc.array(fc.record({ after: fc.nat(6), restart: fc.boolean() }), { maxLength: 3 })
    await fc.assert(
      fc.asyncProperty(sizes, cuts, breaks, fc.boolean(), async (size, lengths, interruptions, isKnown) => {
        const content = generatedContent(size)
        const stored = await create(isKnown ? size : undefined)
        const { sink, hash } = sinkOf(stored)
        const pending = [...interruptions]
        for (let turn = 0, since = 0; sink.position < size; turn++, since++) {
          await sink.write(content.subarray(sink.position, sink.position + (lengths[turn % lengths.length] ?? 1)))
          if (since !== pending[0]?.after) continue
          await sink.settle()
          await sink.seek(pending.shift()?.restart === true ? 0 : sink.gap().start)
          since = 0
        }
        if (isKnown) await sink.endLast()
        else await sink.finish()
        assert.equal(stored.isComplete, true)
        assert.deepEqual(Buffer.from(await hash.digest(stored.layout?.pieceCount ?? 0)), Buffer.from(sha256(content)))
        await store.delete(stored.record.taskId)
      }),
      { numRuns: 60 },
    )
  })

  it('names the parts that are missing, from the very byte', async () => {
    const stored = await create(4 * PIECE)
    const { sink } = sinkOf(stored)
    const content = generatedContent(4 * PIECE)
    assert.deepEqual(sink.gap(), { start: 0, end: undefined })
    await sink.seek(2 * PIECE)
    await sink.write(content.subarray(2 * PIECE, 3 * PIECE))
    await sink.settle()
    assert.deepEqual(sink.gap(), { start: 0, end: 2 * PIECE })
    await sink.seek(0)
    await sink.write(content.subarray(0, 7))
    assert.deepEqual(sink.gap(), { start: 7, end: 2 * PIECE })
    await sink.close()
    assert.deepEqual(sink.gap(), { start: 0, end: 2 * PIECE })
  })

  it('tells bytes that differ from those that are here', async () => {
    const stored = await create(2 * PIECE)
    const { sink } = sinkOf(stored)
    await sink.write(generatedContent(PIECE))
    await sink.settle()
    await sink.seek(0)
    await assert.rejects(written(sink, generatedContent(PIECE, 2)), { code: 'ORIGIN_CHANGED' })
    await sink.close()
  })

  it('tells a piece that could not be stored, and closes all the same', async () => {
    const stored = await create(2 * PIECE)
    const full = new DamselflyError('DISK_FULL', 'no space')
    const failing = failingToCommit(stored, full)
    const { sink } = sinkOf(failing)
    await assert.rejects(written(sink, generatedContent(2 * PIECE)), full)
    await sink.close()
    await store.delete(stored.record.taskId)
  })
})

async function written(sink: PieceSink, bytes: Uint8Array): Promise<void> {
  await sink.write(bytes)
  await sink.settle()
}

/** The same task on a disk that is full. */
function failingToCommit(stored: StoredTask, error: Error): StoredTask {
  const failing = (writer: PieceWriter): PieceWriter => ({
    index: writer.index,
    write: (bytes) => writer.write(bytes),
    abort: () => writer.abort(),
    commit: async () => {
      await writer.abort()
      throw error
    },
  })
  return new Proxy(stored, {
    get(target, key) {
      if (key === 'claim') {
        return (index: number, length: number): PieceWriter | undefined => {
          const writer = target.claim(index, length)
          return writer === undefined ? undefined : failing(writer)
        }
      }
      const value: unknown = Reflect.get(target, key, target)
      return typeof value === 'function' ? value.bind(target) : value
    },
  })
}
