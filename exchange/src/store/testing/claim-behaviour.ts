/// <reference types="mocha" />
import assert from 'node:assert/strict'
import type { PieceWriter, StoredTask } from '../piece-store.ts'
import type { StoreUnderTest } from './store-under-test.ts'
import { contentOf, digestOf, readPiece, storeAll, storePiece } from './task-fixtures.ts'

const MIB = 1024 * 1024

export function describeClaims(tested: StoreUnderTest): void {
  describe('writing pieces', () => {
    const content = contentOf(10_000, 'claims')
    const first = content.slice(0, 4096)

    it('records a piece once it is committed with its digest', async () => {
      const task = await tested.create()
      const writer = claim(task, 0)
      await writer.write(first)
      assert.equal(task.has(0), false)
      assert.deepEqual(await writer.commit(digestOf(first)), digestOf(first))
      assert.ok(task.has(0))
      assert.deepEqual(task.digest(0), digestOf(first))
      assert.equal(task.verifiedBytes, 4096)
      assert.deepEqual(await readPiece(task, 0), first)
    })

    it('takes bytes without a digest from the origin itself', async () => {
      const task = await tested.create()
      const writer = claim(task, 0)
      await writer.write(first)
      assert.deepEqual(await writer.commit(undefined), digestOf(first))
    })

    it('does not look at the bytes again after write has returned', async () => {
      const length = 3 * MIB
      const task = await tested.create({ contentLength: length, pieceSize: length })
      const bytes = contentOf(length, 'reused memory')
      const writer = task.claim(0, length)!
      const buffer = new Uint8Array(100_000)
      const writes: (Promise<void> | undefined)[] = []
      for (let offset = 0; offset < length; offset += buffer.length) {
        const part = bytes.subarray(offset, offset + buffer.length)
        buffer.set(part)
        writes.push(writer.write(buffer.subarray(0, part.length)))
        buffer.fill(0xee)
      }
      for (const write of writes) await write
      await writer.commit(digestOf(bytes))
      assert.deepEqual(digestOf(await readPiece(task, 0)), digestOf(bytes))
    })

    it('takes a whole piece of 16 MiB in one write', async () => {
      const length = 16 * MIB
      const task = await tested.create({ contentLength: length, pieceSize: length })
      const bytes = Buffer.alloc(length, 'a piece of sixteen mebibytes')
      const writer = task.claim(0, length)!
      await writer.write(bytes)
      await writer.commit(digestOf(bytes))
      assert.deepEqual(digestOf(await readPiece(task, 0)), digestOf(bytes))
    })

    it('refuses a piece with another digest and frees the claim', async () => {
      const task = await tested.create()
      const writer = claim(task, 0)
      await writer.write(content.slice(4096, 8192))
      await assert.rejects(writer.commit(digestOf(first)), { code: 'PIECE_CORRUPT' })
      assert.equal(task.has(0), false)
      assert.equal(task.digest(0), undefined)
      assert.equal(tested.store.usedBytes, 0)
      await storePiece(task, content, 0)
    })

    it('refuses a piece that is too short', async () => {
      const task = await tested.create()
      const writer = claim(task, 0)
      await writer.write(first.subarray(1))
      await assert.rejects(writer.commit(undefined), { code: 'PIECE_CORRUPT' })
      assert.equal(task.has(0), false)
      await storePiece(task, content, 0)
    })

    it('refuses bytes past the end of a piece and never lets them into the next one', async () => {
      const task = await tested.create()
      await storePiece(task, content, 1)
      const writer = claim(task, 0)
      await writer.write(first)
      await assert.rejects(async () => writer.write(Uint8Array.of(1)), { code: 'PIECE_CORRUPT' })
      await assert.rejects(writer.commit(undefined), { code: 'PIECE_CORRUPT' })
      assert.equal(task.has(0), false)
      assert.deepEqual(await readPiece(task, 1), content.slice(4096, 8192))
      await storePiece(task, content, 0)
    })

    it('gives a piece to one writer at a time', async () => {
      const task = await tested.create()
      const writer = claim(task, 0)
      assert.equal(task.claim(0, 4096), undefined)
      assert.ok(task.claim(1, 4096))
      await writer.abort()
      await storePiece(task, content, 0)
      assert.equal(task.claim(0, 4096), undefined)
    })

    it('lets exactly one of many rivals write each piece', async () => {
      const task = await tested.create()
      const winners = await Promise.all(
        Array.from({ length: 30 }, async (_, rival) => {
          const index = rival % 3
          const writer = task.claim(index, task.layout!.piece(index).length)
          if (writer === undefined) return 0
          await writer.write(content.subarray(index * 4096, (index + 1) * 4096))
          await writer.commit(undefined)
          return 1
        }),
      )
      assert.equal(winners.filter((won) => won === 1).length, 3)
      assert.ok(task.isComplete)
    })

    it('holds a claim until its writes are over, so that an aborted one changes nothing later', async () => {
      const length = 2 * MIB
      const task = await tested.create({ contentLength: length, pieceSize: length })
      const bytes = contentOf(length, 'the right ones')
      for (let round = 0; round < 5; round++) {
        const loser = task.claim(0, length)!
        const writing = loser.write(Buffer.alloc(length, round))
        const aborting = loser.abort()
        await Promise.allSettled([writing, aborting])
        if (round < 4) continue
        const winner = task.claim(0, length)!
        await winner.write(bytes)
        await winner.commit(digestOf(bytes))
      }
      assert.deepEqual(digestOf(await readPiece(task, 0)), digestOf(bytes))
    })

    it('aborts as often as it is asked to, and not after a commit', async () => {
      const task = await tested.create()
      const writer = claim(task, 0)
      await Promise.all([writer.abort(), writer.abort()])
      await writer.abort()
      await assert.rejects(async () => writer.write(first), { code: 'CANCELLED' })
      await assert.rejects(writer.commit(undefined), { code: 'CANCELLED' })
      const next = claim(task, 0)
      await writer.abort()
      assert.equal(task.claim(0, 4096), undefined)
      await next.write(first)
      const committing = next.commit(undefined)
      await next.abort()
      await committing
      assert.ok(task.has(0))
    })

    it('refuses a claim on what is not a piece of the task', async () => {
      const task = await tested.create()
      for (const [index, length] of [[3, 4096], [-1, 4096], [0.5, 4096], [0, 4095], [2, 4096]] as const) {
        assert.throws(() => task.claim(index, length), RangeError)
      }
    })

    it('completes when the last piece comes, in any order', async () => {
      const task = await tested.create()
      for (const index of [2, 0, 1]) {
        assert.equal(task.isComplete, false)
        await storePiece(task, content, index)
      }
      assert.ok(task.isComplete)
      assert.equal(task.verifiedBytes, 10_000)
      assert.ok(task.have().isFull)
    })

    it('has nothing to write of an empty content', async () => {
      const task = await tested.create({ contentLength: 0 })
      assert.ok(task.isComplete)
      assert.equal(task.have().size, 0)
      assert.throws(() => task.claim(0, 0), RangeError)
      const again = await (await tested.restart()).open(task.record.taskId)
      assert.ok(again?.isComplete)
    })

    it('gives copies of what it knows', async () => {
      const task = await tested.create()
      await storeAll(task, content)
      task.have().delete(0)
      task.digest(0)!.fill(0)
      assert.ok(task.have().has(0))
      assert.deepEqual(task.digest(0), digestOf(first))
    })
  })
}

function claim(task: StoredTask, index: number): PieceWriter {
  const writer = task.claim(index, task.layout!.piece(index).length)
  assert.ok(writer)
  return writer
}
