import assert from 'node:assert/strict'
import { IndexWriter, type IndexChange, type IndexDatabase } from '../../src/store/index-writer.ts'

/** Remembers what it was asked to do; fails while told to. */
class RecordingDatabase implements IndexDatabase {
  readonly location = '/data/index'
  readonly calls: string[] = []
  failure: Error | undefined
  failToOpen: Error | undefined

  async open(): Promise<void> {
    this.calls.push('open')
    if (this.failToOpen !== undefined) throw this.failToOpen
  }

  async close(): Promise<void> {
    this.calls.push('close')
  }

  async batch(changes: IndexChange[]): Promise<void> {
    this.calls.push(changes.map(({ key }) => key).join(' '))
    if (this.failure !== undefined) throw this.failure
  }
}

describe('the index writer', () => {
  const del = (key: string): IndexChange => ({ type: 'del', key })
  let database: RecordingDatabase
  let writer: IndexWriter

  beforeEach(() => {
    database = new RecordingDatabase()
    writer = new IndexWriter(database)
  })

  it('writes the changes of one turn as one batch, in order', async () => {
    await Promise.all([writer.write([del('a')]), writer.write([del('b'), del('c')]), writer.write([del('a')])])
    assert.deepEqual(database.calls, ['a b c a'])
  })

  it('gathers what comes during a batch for the next one', async () => {
    const late: Promise<void>[] = []
    const first = writer.write([del('a')])
    await first.then(() => late.push(writer.write([del('b')]), writer.write([del('c')])))
    await Promise.all(late)
    await writer.end()
    assert.deepEqual(database.calls, ['a', 'b c'])
  })

  it('tells everybody whose changes were in a batch that failed, and nobody else', async () => {
    database.failure = new Error('IO error: /data/index/000003.log: No space left on device')
    const failed = await Promise.allSettled([writer.write([del('a')]), writer.write([del('b')])])
    assert.ok(failed.every((write) => write.status === 'rejected' && write.reason.code === 'DISK_FULL'))
    database.failure = undefined
    await writer.write([del('c')])
  })

  it('opens the index again after a failure, before it writes on', async () => {
    database.failure = new Error('IO error: Input/output error')
    await assert.rejects(writer.write([del('a')]), { code: 'DISK_FAILED' })
    database.failToOpen = new Error('IO error: No space left on device')
    await assert.rejects(writer.write([del('b')]), { code: 'DISK_FULL' })
    database.failure = undefined
    database.failToOpen = undefined
    await writer.write([del('c')])
    await writer.write([del('d')])
    assert.deepEqual(database.calls, ['a', 'close', 'open', 'close', 'open', 'c', 'd'])
  })

  it('opens what it could not open again for somebody who only reads, once that can be done, and not after the end', async () => {
    const full = new Error('IO error: /data/index/000003.log: No space left on device')
    database.failure = database.failToOpen = full
    await assert.rejects(writer.write([del('a')]))
    await assert.rejects(writer.write([del('b')]))
    await assert.rejects(writer.readable(), full)
    database.failure = database.failToOpen = undefined
    database.calls.length = 0
    await Promise.all([writer.readable(), writer.readable()])
    await writer.readable()
    assert.deepEqual(database.calls, ['close', 'open'])
    database.failure = database.failToOpen = full
    await assert.rejects(writer.write([del('c')]))
    await assert.rejects(writer.write([del('d')]))
    await writer.end()
    await writer.readable()
  })
})
