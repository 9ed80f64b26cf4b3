import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import type { StoredTask } from '@damselfly/exchange'
import { digestOf, readPiece } from '@damselfly/exchange/testing/piece-store'
import { CRASH_CONTENT, CRASH_RECORD } from './crash-content.ts'
import { StoreDirectory } from './store-directory.ts'

const CHILD = fileURLToPath(new URL('crash-child.ts', import.meta.url))
const CRASHES = 10

describe('a store whose process is killed', () => {
  it('loses no committed piece and keeps no wrong one, ten times in a row', async function () {
    this.timeout(120_000)
    const directory = await StoreDirectory.create()
    const committed = new Set<number>()
    try {
      for (let crash = 0; crash < CRASHES; crash++) {
        for (const index of await runUntilKilled(directory.path, 1 + Math.floor(Math.random() * 12))) {
          assert.ok(!committed.has(index), `piece ${index} was written twice`)
          committed.add(index)
        }
        await checkPieces(directory, committed)
      }
    } finally {
      await directory.dispose()
    }
  })
})

/** @returns the pieces that the child said were committed before it was killed, after `count` of them. */
async function runUntilKilled(directory: string, count: number): Promise<readonly number[]> {
  const child = spawn(process.execPath, ['--conditions=development', CHILD, directory], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  const exited = once(child, 'exit')
  const committed: number[] = []
  for await (const line of createInterface(child.stdout)) {
    committed.push(Number(line))
    if (committed.length === count) child.kill('SIGKILL')
  }
  assert.deepEqual(await exited, [null, 'SIGKILL'])
  return committed
}

async function checkPieces(directory: StoreDirectory, committed: Set<number>): Promise<void> {
  const store = await directory.start()
  const task = (await store.open(CRASH_RECORD.taskId))!
  for (const index of committed) assert.ok(task.has(index), `piece ${index} was lost`)
  for (const index of task.have().members()) {
    await checkPiece(task, index)
    // The child may have died between the record and the word of it.
    committed.add(index)
  }
  assert.equal(store.usedBytes, task.verifiedBytes)
  await store.stop()
}

async function checkPiece(task: StoredTask, index: number): Promise<void> {
  const { offset, length } = task.layout!.piece(index)
  const digest = digestOf(CRASH_CONTENT.subarray(offset, offset + length))
  assert.deepEqual(task.digest(index), digest)
  assert.deepEqual(digestOf(await readPiece(task, index)), digest)
}
