import assert from 'node:assert/strict'
import { largeStoreTask, writeLargeStore } from '../../src/store/testing/large-store.ts'
import { StoreDirectory } from './store-directory.ts'

describe('a local store with many tasks', () => {
  const TASKS = 3000
  let directory: StoreDirectory

  before(async () => {
    directory = await StoreDirectory.create()
    await writeLargeStore(directory.path, TASKS)
  })

  after(() => directory.dispose())

  it('knows them all when it has started, and drops none', async () => {
    const store = await directory.start()
    assert.equal(store.list().length, TASKS)
    assert.equal(store.usedBytes, TASKS * 1024 * 1024)
    assert.equal(store.verifiedBytes(largeStoreTask(TASKS - 1)), 1024 * 1024)
  })
})
