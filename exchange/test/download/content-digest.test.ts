import assert from 'node:assert/strict'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createLocalPieceStore, type PieceStore, type StoredTask } from '@damselfly/exchange'
import { contentOf, storePiece, taskIdOf, taskRecord } from '@damselfly/exchange/testing/piece-store'
import { sha256, systemClock } from '@damselfly/shared'
import { silentLogger } from '@damselfly/shared/logging'
import { ContentDigest } from '../../src/download/content-digest.ts'

const PIECE = 300_000
const PIECES = 4
const content = contentOf(PIECE * PIECES - 1000, 'digest')
const never = new AbortController().signal

describe('the digest of a content that arrives', () => {
  let directory: string
  let store: PieceStore
  let stored: StoredTask
  let reads: number
  let hasReader: boolean
  let digest: ContentDigest

  beforeEach(async () => {
    directory = await mkdtemp(join(tmpdir(), 'damselfly-digest-'))
    store = createLocalPieceStore({ directory, clock: systemClock, logger: silentLogger() })
    await store.start()
    stored = await store.create(taskRecord({ taskId: taskIdOf('digest'), contentLength: content.length, pieceSize: PIECE }))
    reads = 0
    hasReader = false
    digest = new ContentDigest(counting(stored), () => hasReader)
  })

  afterEach(async () => {
    await store.stop()
    await rm(directory, { recursive: true })
  })

  function counting(task: StoredTask): StoredTask {
    return new Proxy(task, {
      get: (target, name) => {
        if (name === 'readNow' || name === 'read') reads++
        const value: unknown = Reflect.get(target, name, target)
        return typeof value === 'function' ? (value.bind(target) as unknown) : value
      },
    })
  }

  async function storeAll(): Promise<void> {
    for (let index = PIECES - 1; index >= 0; index--) await storePiece(stored, content, index)
  }

  /** As one who reads from the first byte on. @param size of what is read at once; bytes */
  function readTo(end: number, size: number): void {
    for (let at = 0; at < end; at += size) digest.take(at, content.subarray(at, Math.min(end, at + size)))
  }

  it('is right without a reader', async () => {
    const whole = digest.whole(never)
    await storeAll()
    assert.deepEqual(Buffer.from(await whole), Buffer.from(sha256(content)))
  })

  it('costs no read of what a reader hands over', async () => {
    hasReader = true
    const whole = digest.whole(never)
    readTo(content.length, 70_000)
    await storeAll()
    assert.deepEqual(Buffer.from(await whole), Buffer.from(sha256(content)))
    assert.equal(reads, 0)
  })

  it('reads what a reader leaves, and takes nothing twice of several readers', async () => {
    hasReader = true
    const whole = digest.whole(never)
    readTo(2 * PIECE, 70_000)
    readTo(PIECE + 5, 33_333)
    digest.take(3 * PIECE, content.subarray(3 * PIECE))
    await storeAll()
    assert.deepEqual(Buffer.from(await whole), Buffer.from(sha256(content)))
    assert.ok(reads > 0)
  })

  it('ends with the reason of its signal', async () => {
    const stop = new AbortController()
    const whole = digest.whole(stop.signal)
    const reason = new Error('enough')
    stop.abort(reason)
    await assert.rejects(whole, reason)
  })
})
