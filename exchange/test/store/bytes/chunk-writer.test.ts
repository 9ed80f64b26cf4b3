import assert from 'node:assert/strict'
import { setImmediate } from 'node:timers/promises'
import { DamselflyError } from '@damselfly/shared'
import { BufferPool } from '../../../src/store/buffer-pool.ts'
import { ChunkWriter, type ChunkTarget } from '../../../src/store/bytes/chunk-writer.ts'

interface PendingWrite {
  readonly text: string
  readonly position: number
  readonly end: PromiseWithResolvers<void>
}

/** A disk whose writes end when the test says so, unless it is fast. */
class SlowDisk implements ChunkTarget {
  readonly writes: PendingWrite[] = []
  readonly writtenNow: (readonly [text: string, position: number])[] = []
  isFast = false
  failure: Error | undefined

  writeNow(bytes: Uint8Array, position: number): boolean {
    if (this.failure !== undefined) throw this.failure
    if (this.isFast) this.writtenNow.push([Buffer.from(bytes).toString(), position])
    return this.isFast
  }

  write(buffer: Uint8Array, length: number, position: number): Promise<void> {
    const end = Promise.withResolvers<void>()
    this.writes.push({ text: Buffer.from(buffer.subarray(0, length)).toString(), position, end })
    return end.promise
  }
}

describe('the chunk writer', () => {
  const CHUNK = 4
  let disk: SlowDisk
  let writer: ChunkWriter

  beforeEach(() => {
    disk = new SlowDisk()
    writer = new ChunkWriter(disk, new BufferPool(() => Buffer.alloc(CHUNK), 4), 100)
  })

  it('gathers small parts and cuts large ones', async () => {
    for (const part of ['a', 'bc', 'defghi', 'j']) writer.append(Buffer.from(part))
    const finishing = writer.finish()
    await endAll()
    await finishing
    assert.deepEqual(
      disk.writes.map(({ text, position }) => [text, position]),
      [['abcd', 100], ['efgh', 104], ['ij', 108]],
    )
  })

  it('has two writes under way at most, and asks its caller to wait', async () => {
    writer.append(Buffer.from('aaaabbbbccccdddd'))
    assert.equal(disk.writes.length, 2)
    assert.equal(await isSettled(writer.room()), false)
    end(0)
    await setImmediate()
    assert.equal(disk.writes.length, 3)
    assert.equal(await isSettled(writer.room()), false)
    await endAll()
    await writer.room()
  })

  it('is not discarded before its last write is over', async () => {
    writer.append(Buffer.from('aaaabbbbcccc'))
    const discarding = writer.discard()
    end(1)
    assert.equal(await isSettled(discarding), false)
    end(0)
    await discarding
    assert.equal(disk.writes.length, 2)
  })

  it('is not finished before its last write is over', async () => {
    writer.append(Buffer.from('aaaabb'))
    const finishing = writer.finish()
    end(1)
    assert.equal(await isSettled(finishing), false)
    end(0)
    await finishing
  })

  it('starts no write after one has failed, and tells everybody', async () => {
    writer.append(Buffer.from('aaaabbbbcccc'))
    const waiting = assert.rejects(async () => writer.room(), { code: 'DISK_FULL' })
    disk.writes[0]?.end.reject(new DamselflyError('DISK_FULL', 'no space'))
    await waiting
    writer.append(Buffer.from('dddd'))
    await assert.rejects(writer.finish(), { code: 'DISK_FULL' })
    const discarding = writer.discard()
    assert.equal(await isSettled(discarding), false)
    end(1)
    await discarding
    assert.equal(disk.writes.length, 2)
  })

  it('writes at once while the disk is fast', async () => {
    disk.isFast = true
    for (const part of ['ab', 'cdef', 'g']) writer.append(Buffer.from(part))
    assert.equal(writer.room(), undefined)
    await writer.finish()
    assert.deepEqual(disk.writtenNow, [['abcd', 100], ['efg', 104]])
    assert.equal(disk.writes.length, 0)
  })

  it('does not gather what is large enough for a write of its own', async () => {
    disk.isFast = true
    writer = new ChunkWriter(disk, new BufferPool(() => Buffer.alloc(CHUNK), 4), 100)
    const large = 'x'.repeat(64 * 1024)
    writer.append(Buffer.from(large))
    writer.append(Buffer.from('end'))
    await writer.finish()
    assert.deepEqual(disk.writtenNow, [[large, 100], ['end', 100 + large.length]])
  })

  it('writes what it gathered before a large portion in front of it', async () => {
    disk.isFast = true
    const large = 'x'.repeat(64 * 1024)
    writer.append(Buffer.from('ab'))
    writer.append(Buffer.from(large))
    writer.append(Buffer.from('end'))
    await writer.finish()
    assert.deepEqual(disk.writtenNow, [[large, 102], ['ab', 100], ['end', 102 + large.length]])
  })

  it('overtakes nothing that is still being written', async () => {
    writer.append(Buffer.from('aaaa'))
    disk.isFast = true
    writer.append(Buffer.from('bbbb'))
    assert.equal(disk.writes.length, 2)
    await endAll()
    writer.append(Buffer.from('cccc'))
    await writer.finish()
    assert.deepEqual(disk.writtenNow, [['cccc', 108]])
  })

  it('tells of a write that failed at once', async () => {
    disk.failure = new DamselflyError('DISK_FULL', 'no space')
    writer.append(Buffer.from('aaaa'))
    await assert.rejects(async () => writer.room(), { code: 'DISK_FULL' })
    await assert.rejects(writer.finish(), { code: 'DISK_FULL' })
  })

  function end(write: number): void {
    disk.writes[write]?.end.resolve()
  }

  async function endAll(): Promise<void> {
    for (let write = 0; write < disk.writes.length; write++) {
      end(write)
      await setImmediate()
    }
  }
})

/** Whether a promise has settled after everything that was ready to run has run. */
async function isSettled(promise: Promise<void> | undefined): Promise<boolean> {
  if (promise === undefined) return true
  let settled = false
  const settle = (): void => {
    settled = true
  }
  promise.then(settle, settle)
  await setImmediate()
  return settled
}
