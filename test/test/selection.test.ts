import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { gzipSync } from 'node:zlib'
import { generatedContent, type FaultOrigin } from '@damselfly/cdn/testing'
import {
  createWaysLab,
  failsCleanly,
  RunningDownload,
  wayArguments,
  WAYS,
  type DownloadDone,
  type DownloadProgress,
  type Way,
  type WaysLab,
} from '@damselfly/test'

const MIB = 1024 ** 2
const SIZE = 5 * MIB + 17

describe('what a dfget asks for', function () {
  this.timeout(120_000)
  const content = generatedContent(SIZE)
  let ways: WaysLab
  let origin: FaultOrigin
  let outputs = 0

  before(async () => {
    ways = await createWaysLab()
    origin = await ways.lab.faultOrigin()
  })

  after(() => ways.lab.stop())

  async function get(url: string, way: Way, args: readonly string[] = []): Promise<{ done: DownloadDone; bytes: Buffer }> {
    const output = ways.lab.path(`out-${outputs++}`)
    const running = new RunningDownload(ways.lab.dfget([url, '-o', output, '--json', ...args, ...wayArguments(ways, way)]))
    const done = await running.done()
    return { done, bytes: await readFile(output) }
  }

  for (const [i, way] of WAYS.entries()) {
    it(`is a range and nothing else ${way}`, async () => {
      const path = `/range-${i}`
      const url = origin.add(path, { size: SIZE })
      const first = 2 * MIB - 3
      const { bytes, done } = await get(url, way, ['--range', `${first}-${first + 99_999}`])
      assert.ok(bytes.equals(content.subarray(first, first + 100_000)))
      assert.equal(done.contentLength, 100_000)
      assert.equal(origin.stats(path).bodyBytes, 100_000)
      const rest = await get(url, way, ['--range', `${SIZE - 1000}-`])
      assert.ok(rest.bytes.equals(content.subarray(SIZE - 1000)))
    })

    it(`cannot lie past the end ${way}: RANGE_UNSATISFIABLE`, async () => {
      const url = origin.add(`/past-${i}`, { size: SIZE })
      await failsCleanly(ways.lab, [url, '--range', `${SIZE}-`, ...wayArguments(ways, way)], 'RANGE_UNSATISFIABLE')
    })

    it(`comes untouched ${way} where the origin stores it compressed`, async () => {
      const body = gzipSync(content.subarray(0, MIB))
      const url = origin.add(`/file-${i}.gz`, { body, headers: { 'content-encoding': 'gzip', 'content-type': 'text/plain' } })
      const digest = `sha256:${createHash('sha256').update(body).digest('hex')}`
      const { bytes, done } = await get(url, way, ['--digest', digest])
      assert.ok(bytes.equals(body))
      assert.equal(done.digest, digest)
    })
  }

  it('comes as slowly as --limit-rate says, every way', async () => {
    const rate = 3 * MIB
    const runs = WAYS.map(async (way, i) => {
      const url = origin.add(`/limited-${i}`, { size: 10 * MIB })
      const args = ['-o', ways.lab.path(`limited-${i}`), '--json', '--limit-rate', '3MiB', ...wayArguments(ways, way)]
      const running = new RunningDownload(ways.lab.dfget([url, ...args]))
      const from = await at(running.received(2 * MIB))
      const to = await at(running.received(8 * MIB))
      await running.done()
      const ratio = (to.bytes - from.bytes) / ((to.time - from.time) / 1000) / rate
      assert.ok(ratio > 0.85 && ratio < 1.15, `${way}: ${ratio}`)
    })
    await Promise.all(runs)
  })

  it('is one task where URLs differ in filtered parameters only', async () => {
    const url = origin.add('/filtered', { size: SIZE })
    const filter = ['--filter', 'token,expires']
    const way = 'through dfdaemon'
    const one = await get(`${url}?version=1&token=abc&expires=1`, way, filter)
    const two = await get(`${url}?expires=2&version=1&token=def`, 'with a peer of its own', filter)
    const other = await get(`${url}?version=2&token=abc&expires=1`, way, filter)
    assert.equal(one.done.taskId, two.done.taskId)
    assert.notEqual(one.done.taskId, other.done.taskId)
    assert.ok(two.bytes.equals(content))
    assert.equal(origin.stats('/filtered').bodyBytes, 2 * SIZE)
  })

  it('is a task of its own with another tag', async () => {
    const url = origin.add('/tagged', { size: SIZE })
    const way = 'through dfdaemon'
    const [plain, tagged, again] = [
      await get(url, way),
      await get(url, way, ['--tag', 'nightly']),
      await get(url, 'with a peer of its own', ['--tag', 'nightly']),
    ]
    assert.notEqual(plain.done.taskId, tagged.done.taskId)
    assert.equal(tagged.done.taskId, again.done.taskId)
    assert.equal(origin.stats('/tagged').bodyBytes, 2 * SIZE)
  })

  it('is reported as lines of JSON', async () => {
    const url = origin.add('/reported', { size: SIZE, trickle: { bytes: MIB, everyMs: 50 } })
    const exit = await ways.lab.dfget([url, '-o', ways.lab.path('reported'), '--json', ...wayArguments(ways, 'alone')]).exited
    assert.equal(exit.stderr, '')
    const events = exit.stdout.split('\n').map((line) => JSON.parse(line) as { type: string; verifiedBytes: number })
    const progress = events.filter(({ type }) => type === 'progress')
    assert.deepEqual(events.map(({ type }) => type), [...progress.map(() => 'progress'), 'done'])
    assert.ok(progress.length >= 3)
    assert.deepEqual(progress, progress.toSorted((a, b) => a.verifiedBytes - b.verifiedBytes))
    assert.equal(progress.at(-1)?.verifiedBytes, SIZE)
  })
})

/** How far a download was when it was seen; bytes and milliseconds. */
async function at(progress: Promise<DownloadProgress>): Promise<{ readonly bytes: number; readonly time: number }> {
  const { verifiedBytes, inFlightBytes } = await progress
  return { bytes: verifiedBytes + inFlightBytes, time: performance.now() }
}
