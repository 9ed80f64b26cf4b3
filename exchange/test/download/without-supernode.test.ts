import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import {
  DamselflyError,
  deriveTaskId,
  digestsEqual,
  isDamselflyError,
  pieceSizeFor,
  RateLimiter,
  sha256,
  systemClock,
  type TaskIdentity,
} from '@damselfly/shared'
import { silentLogger } from '@damselfly/shared/logging'
import { contentInOrder } from '../../src/download/content-in-order.ts'
import { Freshness } from '../../src/download/freshness.ts'
import { RUN_BYTES } from '../../src/download/origin-plan.ts'
import { TaskDownload, type FinishedTask } from '../../src/download/task-download.ts'
import { createLocalPieceStore } from '../../src/store/local-piece-store.ts'
import type { PieceStore } from '../../src/store/piece-store.ts'
import { MemoryOrigin } from './memory-origin.ts'

const PIECE = pieceSizeFor(1)
const never = new AbortController().signal
const unlimited = new RateLimiter(0, systemClock)

describe('a download without a supernode', () => {
  let directory: string
  let store: PieceStore

  beforeEach(async () => {
    directory = await mkdtemp(join(tmpdir(), 'download-'))
    await openStore()
  })

  async function openStore(): Promise<void> {
    store = createLocalPieceStore({ directory, clock: systemClock, logger: silentLogger() })
    await store.start()
  }

  afterEach(async () => {
    await store.stop()
    await rm(directory, { recursive: true })
  })

  function begin(origin: MemoryOrigin, identity: Partial<TaskIdentity> = {}): TaskDownload {
    const whole = { url: 'https://origin.example/file', ...identity }
    return new TaskDownload(
      {
        store,
        control: undefined,
        openLane: () => Promise.reject(new DamselflyError('PEER_UNREACHABLE', 'there are no peers here')),
        downloadLimiter: unlimited,
        freshness: new Freshness(systemClock, 0),
        parallelRanges: 4,
        clock: systemClock,
        random: Math.random,
        logger: silentLogger(),
      },
      { taskId: deriveTaskId(whole), identity: whole, credentials: new Map(), order: 'rarest-first', origin, backToSource: true, priority: () => 'foreground' },
    )
  }

  async function download(origin: MemoryOrigin, identity: Partial<TaskIdentity> = {}): Promise<FinishedTask & { task: TaskDownload }> {
    const task = begin(origin, identity)
    try {
      return { ...(await task.run(never)), task }
    } finally {
      task.end()
    }
  }

  async function assertContent({ stored }: FinishedTask, content: Uint8Array): Promise<void> {
    assert.ok(digestsEqual(sha256(await readFile(stored.path!)), sha256(content)))
  }

  for (const length of [0, 1, PIECE - 1, PIECE, PIECE + 1, 20 * PIECE + 17]) {
    it(`brings ${length} bytes whole and takes none of them twice`, async () => {
      const origin = new MemoryOrigin({ content: randomBytes(length) })
      await assertContent(await download(origin), origin.content)
      assert.equal(origin.bodyBytes, length)
    })

    it(`brings ${length} bytes of unknown length`, async () => {
      const origin = new MemoryOrigin({ content: randomBytes(length), tellsLength: false, servesRanges: false })
      await assertContent(await download(origin), origin.content)
      assert.equal(origin.bodyBytes, length)
    })
  }

  it('asks for several ranges at once where the origin serves them', async () => {
    const origin = new MemoryOrigin({ content: randomBytes(4 * RUN_BYTES + PIECE) })
    await assertContent(await download(origin), origin.content)
    assert.ok(origin.requests >= 4)
    assert.equal(origin.bodyBytes, origin.content.length)
  })

  it('takes one stream from an origin that ignores ranges', async () => {
    const origin = new MemoryOrigin({ content: randomBytes(2 * RUN_BYTES + PIECE), servesRanges: false })
    await assertContent(await download(origin), origin.content)
    assert.equal(origin.requests, 1)
  })

  it('goes on behind a cut and fetches only the cut piece again', async () => {
    const origin = new MemoryOrigin({ content: randomBytes(8 * PIECE) })
    origin.cuts.push(5 * PIECE + 1000)
    await assertContent(await download(origin), origin.content)
    assert.ok(origin.bodyBytes < 9 * PIECE, `${origin.bodyBytes} bytes for ${8 * PIECE}`)
  })

  it('continues a download that was broken off, after the store was closed too', async () => {
    const origin = new MemoryOrigin({ content: randomBytes(12 * PIECE) })
    const aborted = new AbortController()
    const first = begin(origin)
    const running = first.run(aborted.signal)
    const stored = await first.ready
    await stored.whenAvailable(3, never)
    aborted.abort(new DamselflyError('CANCELLED', 'broken off'))
    await assert.rejects(running, (error) => isDamselflyError(error, 'CANCELLED'))
    first.end()
    await store.stop()
    await openStore()
    const { verifiedBytes } = (await store.open(first.task.taskId)) ?? { verifiedBytes: 0 }
    assert.ok(verifiedBytes >= PIECE)
    const before = origin.bodyBytes
    const again = await download(origin)
    await assertContent(again, origin.content)
    assert.equal(again.task.progress().bytesFrom.held, verifiedBytes)
    assert.equal(origin.bodyBytes - before, origin.content.length - verifiedBytes)
  })

  it('continues with one stream where the origin has ceased to serve ranges', async () => {
    const origin = new MemoryOrigin({ content: randomBytes(4 * RUN_BYTES + PIECE) })
    const aborted = new AbortController()
    const first = begin(origin)
    const running = first.run(aborted.signal)
    await (await first.ready).whenAvailable(20, never)
    aborted.abort(new DamselflyError('CANCELLED', 'broken off'))
    await assert.rejects(running)
    first.end()
    const other = new MemoryOrigin({ content: origin.content, servesRanges: false })
    other.cuts.push(Number.POSITIVE_INFINITY, Number.POSITIVE_INFINITY, 10 * PIECE, 10 * PIECE)
    await assertContent(await download(other), origin.content)
    assert.ok(other.bodyBytes < 1.2 * origin.content.length, `${other.bodyBytes} bytes for ${origin.content.length}`)
  })

  it('fails when the origin sends more than it announced, and keeps none of it', async () => {
    const origin = new MemoryOrigin({ content: randomBytes(2 * PIECE), servesRanges: false })
    origin.surplus = 10
    await assert.rejects(download(origin), (error) => isDamselflyError(error, 'ORIGIN_LONG'))
    assert.deepEqual(store.list(), [])
  })

  it('takes nothing from the origin when the whole is here and unchanged', async () => {
    const origin = new MemoryOrigin({ content: randomBytes(3 * PIECE) })
    await download(origin)
    const before = origin.bodyBytes
    await assertContent(await download(origin), origin.content)
    assert.equal(origin.bodyBytes, before)
    assert.equal(origin.probes, 1)
  })

  it('fetches anew what has changed at the origin since', async () => {
    const origin = new MemoryOrigin({ content: randomBytes(3 * PIECE) })
    await download(origin)
    origin.content = randomBytes(3 * PIECE)
    origin.etag = '"v2"'
    await assertContent(await download(origin), origin.content)
  })

  it('never mixes two versions when the content changes in the middle', async () => {
    const origin = new MemoryOrigin({ content: randomBytes(2 * RUN_BYTES + PIECE) })
    const task = begin(origin)
    const running = task.run(never)
    const stored = await task.ready
    const stopListening = stored.onPiece((index) => {
      if (index !== 0) return
      origin.content = randomBytes(2 * RUN_BYTES + PIECE)
      origin.etag = '"v2"'
    })
    const finished = await running
    stopListening()
    await assertContent(finished, origin.content)
    task.end()
  })

  it('notices a change also where the origin shows no validators and serves no ranges', async () => {
    const origin = new MemoryOrigin({ content: randomBytes(6 * PIECE), etag: '', servesRanges: false })
    origin.cuts.push(4 * PIECE)
    const task = begin(origin)
    const running = task.run(never)
    const stored = await task.ready
    stored.onPiece(() => {
      if (origin.requests === 1) origin.content = randomBytes(6 * PIECE)
    })
    await assertContent(await running, origin.content)
    task.end()
  })

  it('refuses a content with another digest than asked for, and keeps none of it as complete', async () => {
    const origin = new MemoryOrigin({ content: randomBytes(2 * PIECE) })
    await assert.rejects(download(origin, { digest: sha256(Buffer.from('something else')) }), (error) =>
      isDamselflyError(error, 'DIGEST_MISMATCH'),
    )
    for (const { taskId } of store.list()) assert.equal((await store.record(taskId))?.contentDigest, undefined)
  })

  it('accepts a content with the digest that was asked for, from any URL, without asking again', async () => {
    const origin = new MemoryOrigin({ content: randomBytes(2 * PIECE) })
    const digest = sha256(origin.content)
    await download(origin, { digest })
    const mirror = new MemoryOrigin({ content: origin.content })
    await assertContent(await download(mirror, { digest, url: 'https://mirror.example/other' }), origin.content)
    assert.equal(mirror.requests + mirror.probes, 0)
  })

  it('gives up an origin that keeps failing, with its error', async () => {
    const origin = new MemoryOrigin({ content: randomBytes(PIECE) })
    const failure = new DamselflyError('ORIGIN_NOT_FOUND', 'nothing here')
    origin.failures.push(failure)
    await assert.rejects(download(origin), failure)
    assert.equal(origin.requests, 1)
  })

  it('hands out the content in order while it arrives', async () => {
    const origin = new MemoryOrigin({ content: randomBytes(5 * PIECE + 3) })
    const task = begin(origin)
    const running = task.run(never)
    const parts: Uint8Array[] = []
    for await (const part of contentInOrder(await task.ready, never)) parts.push(Buffer.from(part))
    assert.ok(digestsEqual(sha256(Buffer.concat(parts)), sha256(origin.content)))
    await running
    task.end()
  })
})
