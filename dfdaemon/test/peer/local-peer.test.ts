import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { DamselflyError, digestsEqual, isDamselflyError, sha256, type ErrorCode, type TaskId } from '@damselfly/shared'
import type { Download } from '../../src/peer/peer.ts'
import { MIB, PeerBench, until } from './peer-bench.ts'

const never = new AbortController().signal

describe('a peer', () => {
  let bench: PeerBench

  beforeEach(async () => {
    bench = await PeerBench.create()
  })

  afterEach(() => bench.stop())

  const isError = (code: ErrorCode) => (error: unknown): boolean => isDamselflyError(error, code)

  async function assertFinished(download: Download, content = bench.source.content): Promise<void> {
    const { contentLength, path } = await download.finished
    assert.equal(contentLength, content.length)
    assert.ok(digestsEqual(sha256(await readFile(path)), sha256(content)))
  }

  describe('with several callers for one content', () => {
    it('downloads it once', async () => {
      bench.source.holdAfter = MIB
      const downloads = await Promise.all([bench.download(), bench.download(), bench.download({ tag: 'other' })])
      assert.equal(bench.peer.status().downloads, 2)
      bench.source.open()
      await Promise.all(downloads.map((download) => assertFinished(download)))
      assert.equal(bench.source.bodyBytes, 2 * bench.source.content.length)
      assert.equal(bench.source.probes, 0)
      await Promise.all(downloads.map((download) => download.release()))
      assert.equal(bench.peer.status().downloads, 0)
    })

    it('goes on as long as one of them wants it, and keeps what is verified', async () => {
      bench.source.holdAfter = 2 * MIB + 1
      const [first, second] = [await bench.download(), await bench.download()]
      await until(() => first.progress().verifiedBytes === 2 * MIB)
      await first.release()
      await first.release()
      assert.equal(bench.source.openBodies, 1)
      await second.release()
      assert.equal(bench.source.openBodies, 0)
      await assert.rejects(second.finished, isError('CANCELLED'))
      assert.equal(bench.peer.status().downloads, 0)
      assert.deepEqual((await bench.peer.tasks()).map(({ state, verifiedBytes }) => [state, verifiedBytes]), [['partial', 2 * MIB]])

      bench.source.open()
      const before = bench.source.bodyBytes
      const again = await bench.download()
      await assertFinished(again)
      assert.equal(bench.source.bodyBytes - before, bench.source.content.length - 2 * MIB)
      await again.release()
    })

    it('lets one who comes right after the last has gone begin anew', async () => {
      bench.source.holdAfter = MIB
      const first = await bench.download()
      await until(() => first.progress().inFlightBytes > 0 || first.progress().verifiedBytes > 0)
      const released = first.release()
      const second = await bench.download()
      bench.source.open()
      await assertFinished(second)
      await released
      await second.release()
    })

    it('lets one who comes after a failure begin anew, though the others still hold it', async () => {
      bench.source.failure = new DamselflyError('ORIGIN_NOT_FOUND', 'gone')
      const first = await bench.download()
      await assert.rejects(first.finished, isError('ORIGIN_NOT_FOUND'))
      bench.source.failure = undefined
      const second = await bench.download()
      await assertFinished(second)
      await first.release()
      await assert.rejects(bench.peer.deleteTask(second.taskId), isError('TASK_BUSY'))
      await second.release()
    })

    it('admits who joins with other credentials only if the origin does', async () => {
      bench.source.admitted = new Set(['Bearer one', 'Bearer two'])
      bench.source.holdAfter = MIB
      const first = await bench.downloadAs('Bearer one')
      const same = await bench.downloadAs('Bearer one')
      assert.equal(bench.source.probes, 0)
      const other = await bench.downloadAs('Bearer two')
      assert.equal(bench.source.probes, 1)
      for (const attempt of [() => bench.download(), () => bench.downloadAs('Bearer wrong')]) {
        await assert.rejects(attempt, isError('ORIGIN_UNAUTHORIZED'))
      }
      bench.source.open()
      for (const download of [first, same, other]) await assertFinished(download)
      // Also while it is only held.
      await assert.rejects(() => bench.download(), isError('ORIGIN_UNAUTHORIZED'))
      for (const download of [first, same, other]) await download.release()
      assert.equal(bench.source.reads, 1)
    })
  })

  describe('with private content', () => {
    it('gives what it holds only to whom the origin admits', async () => {
      bench.source.admitted = new Set(['Bearer one', 'Bearer two'])
      const first = await bench.downloadAs('Bearer one')
      await assertFinished(first)
      await first.release()
      const { reads } = bench.source
      const anonymous = await bench.download()
      await assert.rejects(anonymous.finished, isError('ORIGIN_UNAUTHORIZED'))
      await anonymous.release()
      const second = await bench.downloadAs('Bearer two')
      await assertFinished(second)
      await second.release()
      assert.equal(bench.source.reads, reads)
    })

    it('asks also where the caller names the digest, or may not use the origin', async () => {
      bench.source.admitted = new Set(['Bearer one'])
      const digest = sha256(bench.source.content)
      const first = await bench.downloadAs('Bearer one', { digest })
      await assertFinished(first)
      await first.release()
      for (const backToSource of [true, false]) {
        const anonymous = await bench.download({ digest, backToSource })
        await assert.rejects(anonymous.finished, isError('ORIGIN_UNAUTHORIZED'))
        await anonymous.release()
      }
    })
  })

  describe('asked to delete a task', () => {
    it('does so once nobody holds it', async () => {
      bench.source.holdAfter = MIB
      const download = await bench.download()
      await until(() => bench.peer.status().tasks === 1)
      await assert.rejects(bench.peer.deleteTask(download.taskId), isError('TASK_BUSY'))
      bench.source.open()
      await assertFinished(download)
      await assert.rejects(bench.peer.deleteTask(download.taskId), isError('TASK_BUSY'))
      await download.release()
      await bench.peer.pinTask(download.taskId, true)
      assert.equal((await bench.peer.tasks())[0]?.pinned, true)
      await assert.rejects(bench.peer.deleteTask(download.taskId), isError('TASK_PINNED'))
      await bench.peer.pinTask(download.taskId, false)
      await bench.peer.deleteTask(download.taskId)
      assert.deepEqual(await bench.peer.tasks(), [])
      await assert.rejects(bench.peer.deleteTask(download.taskId), isError('TASK_NOT_FOUND'))
      await assert.rejects(bench.peer.deleteTask('ab'.repeat(32) as TaskId), isError('TASK_NOT_FOUND'))
    })
  })

  describe('that is stopped', () => {
    it('ends what runs, whoever waits for it, and can be started again from its disk', async () => {
      bench.source.holdAfter = 2 * MIB + 1
      const download = await bench.download()
      const reader = download.content(never)[Symbol.asyncIterator]()
      const reading = (async () => {
        while ((await reader.next()).done !== true) continue
      })()
      await until(() => download.progress().verifiedBytes === 2 * MIB)
      const rejected = Promise.all([download.finished, reading].map((one) => assert.rejects(one, isError('CANCELLED'))))
      await Promise.all([bench.peer.stop(0), bench.peer.stop(0)])
      await rejected
      await download.release()
      assert.equal(bench.source.openBodies, 0)
      assert.equal(bench.source.isClosed, true)
      await assert.rejects(() => bench.download())

      bench.peer = bench.createPeer()
      await bench.peer.start()
      bench.source.open()
      const again = await bench.download()
      await assertFinished(again)
      assert.equal((await again.finished).bytesFrom.held, 2 * MIB)
      await again.release()
    })

    it('turns away who waits to be admitted', async () => {
      bench.source.holdAfter = MIB
      const download = await bench.downloadAs('Bearer one')
      bench.source.freezeProbes()
      const joining = bench.downloadAs('Bearer two')
      const rejected = assert.rejects(joining, isError('CANCELLED'))
      await until(() => bench.source.probes === 1)
      await bench.peer.stop(0)
      await rejected
      await assert.rejects(download.finished, isError('CANCELLED'))
    })

    it('need not have been started', async () => {
      const idle = bench.createPeer()
      await idle.stop(0)
      await idle.stop(0)
    })
  })

  describe('that hands out content', () => {
    async function read(download: Download, signal = never): Promise<Buffer> {
      const parts: Uint8Array[] = []
      for await (const bytes of download.content(signal)) parts.push(Buffer.from(bytes))
      return Buffer.concat(parts)
    }

    it('does so in order while it arrives, to any number of readers', async () => {
      bench.source.holdAfter = MIB + 1
      const download = await bench.download({ order: 'in-order' })
      const reader = download.content(never)[Symbol.asyncIterator]()
      const first = await reader.next()
      assert.ok(first.done !== true && digestsEqual(first.value, bench.source.content.subarray(0, first.value.length)))
      assert.ok(download.progress().verifiedBytes < bench.source.content.length)
      bench.source.open()
      const [one, other] = await Promise.all([read(download), read(download)])
      for (const bytes of [one, other, await read(download)]) assert.deepEqual(sha256(bytes), sha256(bench.source.content))
      // Who leaves early cancels nothing.
      await reader.return?.(undefined)
      await assertFinished(download)
      await download.release()
    })

    it('hands out an empty content', async () => {
      bench.source.content = new Uint8Array()
      const download = await bench.download()
      assert.equal((await read(download)).length, 0)
      await download.release()
    })

    it('stops a reader that gives up', async () => {
      bench.source.holdAfter = MIB
      const download = await bench.download()
      for (const wait of [() => Promise.resolve(), () => until(() => download.progress().inFlightBytes > 0)]) {
        const impatient = new AbortController()
        const reading = assert.rejects(read(download, impatient.signal), isError('CANCELLED'))
        await wait()
        impatient.abort(new DamselflyError('CANCELLED', 'enough'))
        await reading
      }
      bench.source.open()
      await assertFinished(download)
      await download.release()
    })

    it('tells its readers when the download fails in the middle', async () => {
      bench.source.holdAfter = 2 * MIB
      const download = await bench.download()
      const rejected = assert.rejects(read(download), isError('ORIGIN_NOT_FOUND'))
      await until(() => download.progress().verifiedBytes >= MIB)
      bench.source.failure = new DamselflyError('ORIGIN_NOT_FOUND', 'gone')
      bench.source.open()
      await rejected
      await assert.rejects(download.finished, isError('ORIGIN_NOT_FOUND'))
      await assert.rejects(read(download), isError('ORIGIN_NOT_FOUND'))
      await download.release()
    })

    it('never hands out the end of a content that proves wrong as a whole', async () => {
      const download = await bench.download({ digest: sha256(randomBytes(8)) })
      let bytes = 0
      const reading = (async () => {
        for await (const part of download.content(never)) bytes += part.length
      })()
      await assert.rejects(reading, isError('DIGEST_MISMATCH'))
      assert.ok(bytes < bench.source.content.length)
      await assert.rejects(download.finished, isError('DIGEST_MISMATCH'))
      await download.release()
    })

    it('tells a reader that has begun when the content changes, and begins anew for others', async () => {
      // The workers meet the change at the second run.
      bench.source.content = randomBytes(40 * MIB)
      bench.source.holdAfter = MIB + 1
      const download = await bench.download()
      const reader = download.content(never)[Symbol.asyncIterator]()
      const { value } = await reader.next()
      assert.ok((value?.length ?? 0) > 0)
      bench.source.content = randomBytes(40 * MIB)
      bench.source.etag = '"v2"'
      bench.source.open()
      await assert.rejects(async () => {
        while ((await reader.next()).done !== true) continue
      }, isError('ORIGIN_CHANGED'))
      assert.deepEqual(sha256(await read(download)), sha256(bench.source.content))
      await assertFinished(download)
      await download.release()
    })
  })

  it('shows its tasks without what is secret', async () => {
    const download = await bench.download({ url: 'https://user:password@origin.example/file?token=secret', tag: 'nightly' })
    await assertFinished(download)
    const [task] = await bench.peer.tasks()
    assert.equal(task?.state, 'complete')
    assert.equal(task?.tag, 'nightly')
    assert.doesNotMatch(JSON.stringify(task?.url), /password|secret/)
    await download.release()
  })
})
