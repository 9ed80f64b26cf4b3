import assert from 'node:assert/strict'
import { PassThrough } from 'node:stream'
import type { DownloadProgress, FinishedDownload } from '@damselfly/dfdaemon'
import { DamselflyError, sha256, VirtualClock, type TaskId } from '@damselfly/shared'
import { ProgressBar } from '../../src/progress/bar.ts'
import { barLine } from '../../src/progress/bar-line.ts'
import { JsonReporter } from '../../src/progress/json-reporter.ts'
import { LateDrawing } from '../../src/progress/late-drawing.ts'
import { LineReporter } from '../../src/progress/line-reporter.ts'
import { summaryLine } from '../../src/progress/summary-line.ts'

const MIB = 1024 * 1024
const taskId = 'a'.repeat(64) as TaskId
const progress: DownloadProgress = {
  taskId,
  contentLength: 1024 * MIB,
  verifiedBytes: 500 * MIB,
  inFlightBytes: 12 * MIB,
  bytesFrom: { held: 100 * MIB, peers: 300 * MIB, cdn: 100 * MIB, origin: 0 },
  backToSource: undefined,
}
const finished: FinishedDownload = {
  taskId,
  contentLength: 1024 * MIB,
  contentDigest: sha256(Buffer.from('x')),
  path: '/store/x',
  bytesFrom: { held: 0, peers: 600 * MIB, cdn: 324 * MIB, origin: 100 * MIB },
  backToSource: 'supernode-lost',
}

describe('the progress bar', () => {
  it('shows share, bytes, speed, time left and the part from peers', () => {
    assert.equal(
      barLine({ progress, bytesPerSecond: 128 * MIB }, 100),
      '[==================>                  ] 50%  512 MiB of 1.00 GiB  128 MiB/s  ETA 4s  75% from peers',
    )
  })

  it('shows no share of an unknown length', () => {
    const view = { progress: { ...progress, contentLength: undefined }, bytesPerSecond: 128 * MIB }
    assert.equal(barLine(view, 100), '512 MiB  128 MiB/s  75% from peers')
  })

  it('fits any terminal', () => {
    for (let columns = 1; columns < 200; columns++) {
      assert.ok(barLine({ progress, bytesPerSecond: 1 }, columns).length < columns)
    }
  })

  it('is drawn on the terminal and leaves it clean', () => {
    const terminal = Object.assign(new PassThrough(), { isTTY: true, columns: 120, cursorTo: () => true, clearLine: () => true })
    const drawing = new ProgressBar(terminal, new VirtualClock())
    let drawn = ''
    terminal.on('data', (part) => (drawn += String(part)))
    drawing.draw(progress)
    drawing.clear()
    drawing.clear()
    assert.match(drawn, /50% {2}512 MiB of 1\.00 GiB/)
    assert.equal(terminal.listenerCount('resize'), 0)
  })
})

describe('a late drawing', () => {
  it('is loaded only for a download that is looked at again and again', async () => {
    const drawn: string[] = []
    let loads = 0
    const drawing = new LateDrawing(async () => {
      loads++
      return { draw: () => drawn.push('draw'), clear: () => drawn.push('clear') }
    })
    drawing.draw(progress)
    drawing.draw(progress)
    drawing.clear()
    assert.deepEqual([loads, drawn], [0, []])
    for (let i = 0; i < 3; i++) {
      drawing.draw(progress)
      await Promise.resolve()
    }
    drawing.clear()
    assert.deepEqual([loads, drawn], [1, ['draw', 'draw', 'clear']])
  })
})

describe('reports for people', () => {
  const report = (quiet: boolean, use: (reporter: LineReporter) => void): string[] => {
    const lines: string[] = []
    use(new LineReporter({ write: (line) => lines.push(line), quiet }))
    return lines
  }

  it('end with time, speed and where the bytes came from', () => {
    assert.equal(
      summaryLine({ output: 'file', finished, elapsedMs: 3200 }),
      'file: 1.00 GiB in 3.20 s (320 MiB/s), 58% from peers, 31% from CDN, 9% from origin (supernode-lost)',
    )
  })

  it('say what happened in one line', () => {
    const error = new DamselflyError('DISK_FULL', 'cannot write x')
    const lines = report(false, (reporter) => {
      reporter.notice('careful')
      reporter.failed(error)
    })
    assert.deepEqual(lines, ['dfget: careful', `dfget: cannot write x [DISK_FULL]: ${error.kind.advice}`])
  })

  it('are only errors when quiet', () => {
    const lines = report(true, (reporter) => {
      reporter.notice('careful')
      reporter.done({ output: 'x', finished, elapsedMs: 1 })
      reporter.failed(new DamselflyError('TIMEOUT', 'late'))
    })
    assert.equal(lines.length, 1)
  })
})

describe('reports for programs', () => {
  it('are objects, progress only when it changed, without paths of the store', () => {
    const lines: string[] = []
    const reporter = new JsonReporter((line) => lines.push(line))
    reporter.progress(progress)
    reporter.progress({ ...progress })
    reporter.notice('careful')
    reporter.done({ output: 'file', finished, elapsedMs: 1234.5 })
    reporter.failed(new DamselflyError('TIMEOUT', 'late'))
    const objects = lines.map((line): Record<string, unknown> => JSON.parse(line))
    assert.deepEqual(objects.map(({ type }) => type), ['progress', 'notice', 'done', 'error'])
    assert.equal(objects[2]?.['milliseconds'], 1235)
    assert.equal(objects[3]?.['exit'], 7)
    assert.doesNotMatch(lines.join(), /store/)
  })
})
