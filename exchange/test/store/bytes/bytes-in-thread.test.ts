import assert from 'node:assert/strict'
import { createHash, randomBytes } from 'node:crypto'
import { mkdtemp, open, readFile, rm, type FileHandle } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { isDamselflyError } from '@damselfly/shared'
import { BufferPool } from '../../../src/store/buffer-pool.ts'
import { BytesInThread, type ThreadTarget } from '../../../src/store/bytes/bytes-in-thread.ts'
import { ThreadClient } from '../../../src/store/bytes/thread-client.ts'

const CHUNK = 64 * 1024

describe('bytes that another thread writes', () => {
  let directory: string
  let file: FileHandle
  let thread: ThreadClient
  let leases: number

  beforeEach(async () => {
    directory = await mkdtemp(join(tmpdir(), 'damselfly-thread-'))
    file = await open(join(directory, 'file'), 'w+')
    thread = new ThreadClient()
    leases = 0
  })

  afterEach(async () => {
    await thread.stop()
    await file.close()
    await rm(directory, { recursive: true })
  })

  it('are in the file when the digest is told, and the file is let go of', async () => {
    const content = randomBytes(5 * CHUNK + 17)
    const bytes = begin(target(), 1000)
    for (const [start, end] of [[0, 1], [1, CHUNK + 9], [CHUNK + 9, 4 * CHUNK], [4 * CHUNK, content.length]] as const) {
      bytes.append(content.subarray(start, end))
      await bytes.room()
    }
    assert.deepEqual(Buffer.from(await bytes.finish()), sha256(content))
    assert.deepEqual((await readFile(join(directory, 'file'))).subarray(1000), content)
    assert.equal(leases, 0)
  })

  it('do not mix with those of other pieces', async () => {
    const contents = Array.from({ length: 5 }, () => randomBytes(3 * CHUNK))
    const pieces = contents.map((_, i) => begin(target(), i * 3 * CHUNK))
    for (let at = 0; at < 3 * CHUNK; at += 1000) {
      for (const [i, piece] of pieces.entries()) {
        piece.append(contents[i]?.subarray(at, at + 1000) ?? Buffer.alloc(0))
        await piece.room()
      }
    }
    const digests = await Promise.all(pieces.map((piece) => piece.finish()))
    assert.deepEqual(digests.map((digest) => Buffer.from(digest)), contents.map(sha256))
    assert.deepEqual(await readFile(join(directory, 'file')), Buffer.concat(contents))
  })

  it('have their sender wait while the thread is behind', async () => {
    const bytes = begin(target(), 0)
    bytes.append(randomBytes(4 * CHUNK))
    const room = bytes.room()
    assert.ok(room !== undefined)
    await room
    await bytes.discard()
  })

  it('end with the reason when the disk refuses them', async () => {
    const readOnly = await open(join(directory, 'file'), 'r')
    const bytes = begin(target(readOnly), 0)
    bytes.append(randomBytes(3 * CHUNK))
    await assert.rejects(bytes.finish(), (error) => isDamselflyError(error, 'DISK_FAILED') && error.message.includes('EBADF'))
    bytes.append(randomBytes(CHUNK))
    await bytes.discard()
    assert.equal(leases, 0)
    await readOnly.close()
  })

  it('end when the file cannot be opened', async () => {
    const bytes = begin({ path: 'nowhere', lease: () => Promise.reject(new Error('no such file')) }, 0)
    bytes.append(randomBytes(2 * CHUNK))
    await assert.rejects(bytes.finish(), /no such file/)
    await bytes.discard()
  })

  it('end when the thread ends, and the next piece gets another thread', async () => {
    const bytes = begin(target(), 0)
    bytes.append(randomBytes(CHUNK))
    await bytes.settle()
    await thread.stop()
    await assert.rejects(bytes.finish(), (error) => isDamselflyError(error, 'DISK_FAILED'))
    await bytes.discard()
    const content = randomBytes(2 * CHUNK)
    const next = begin(target(), 0)
    next.append(content)
    assert.deepEqual(Buffer.from(await next.finish()), sha256(content))
    assert.equal(leases, 0)
  })

  it('may be given up at any time', async () => {
    const bytes = begin(target(), 0)
    bytes.append(randomBytes(CHUNK + 1))
    await bytes.discard()
    await bytes.discard()
    assert.equal(leases, 0)
  })

  function begin(to: ThreadTarget, position: number): BytesInThread {
    const buffers = new BufferPool(() => Buffer.from(new SharedArrayBuffer(CHUNK)), 4)
    return new BytesInThread(to, { thread, buffers }, position)
  }

  function target(handle = file): ThreadTarget {
    const lease = (): Promise<{ descriptor: number; release: () => void }> => {
      leases++
      return Promise.resolve({ descriptor: handle.fd, release: () => leases-- })
    }
    return { path: 'file', lease }
  }
})

function sha256(content: Uint8Array): Buffer {
  return createHash('sha256').update(content).digest()
}
