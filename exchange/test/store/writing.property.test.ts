import assert from 'node:assert/strict'
import { readFile } from 'node:fs/promises'
import fc from 'fast-check'
import type { PieceStore, StoredTask } from '@damselfly/exchange'
import { contentOf, digestOf, pieceOf, taskRecord } from '@damselfly/exchange/testing/piece-store'
import { StoreDirectory } from './store-directory.ts'

const MAX_LENGTH = 1_500_000
const CONTENT = contentOf(MAX_LENGTH, 'properties')

describe('writing to the local store', () => {
  let directory: StoreDirectory
  let store: PieceStore

  before(async () => {
    directory = await StoreDirectory.create()
    store = await directory.start()
  })

  after(() => directory.dispose())

  it('gives the same file for every order of pieces and every cut into chunks', async () => {
    const plan = fc.record({
      length: fc.integer({ min: 0, max: MAX_LENGTH }),
      pieceSize: fc.integer({ min: 20_000, max: 700_000 }),
      chunks: fc.array(fc.integer({ min: 0, max: 400_000 }), { minLength: 1, maxLength: 8 }),
      order: fc.infiniteStream(fc.nat()),
      isLengthKnown: fc.boolean(),
    })
    await fc.assert(
      fc.asyncProperty(plan, async ({ length, pieceSize, chunks, order, isLengthKnown }) => {
        const content = CONTENT.subarray(0, length)
        const task = await store.create(taskRecord({ contentLength: isLengthKnown ? length : undefined, pieceSize }))
        const count = Math.ceil(length / pieceSize)
        await Promise.all(shuffled(count, order).map((index) => writeInChunks(task, index, content, chunks)))
        await task.update({ contentLength: length })
        assert.ok(task.isComplete)
        assert.equal(task.verifiedBytes, length)
        assert.deepEqual(digestOf(await readFile(task.path!)), digestOf(content))
        await store.delete(task.record.taskId)
      }),
      { numRuns: 60 },
    )
  })
})

/** Writes a piece in chunks of the given lengths, over and over, all from the same memory. */
async function writeInChunks(
  task: StoredTask,
  index: number,
  content: Uint8Array,
  chunks: readonly number[],
): Promise<void> {
  const bytes = pieceOf(task, content, index)
  const writer = task.claim(index, task.layout?.piece(index).length ?? task.record.pieceSize)!
  for (let done = 0, turn = 0; done < bytes.length; turn++) {
    // A plan of nothing but empty chunks would never end.
    const length = Math.max(chunks[turn % chunks.length] ?? 0, turn % 10 === 9 ? 1000 : 0)
    const chunk = bytes.slice(done, done + length)
    const written = writer.write(chunk)
    chunk.fill(0xee)
    await written
    done += length
  }
  if (task.layout === undefined && bytes.length < task.record.pieceSize) await task.update({ contentLength: content.length })
  await writer.commit(digestOf(bytes))
}

function shuffled(count: number, order: fc.Stream<number>): readonly number[] {
  const keys = [...order.take(count)]
  return Array.from({ length: count }, (_, index) => index).toSorted((a, b) => (keys[a] ?? 0) - (keys[b] ?? 0))
}
