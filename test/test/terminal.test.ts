import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { readdir } from 'node:fs/promises'
import { generatedContent, type FaultOrigin } from '@damselfly/cdn/testing'
import {
  commandOf,
  createWaysLab,
  digestOf,
  isInstalled,
  RunningDownload,
  SCRIPT,
  wayArguments,
  WAYS,
  type WaysLab,
} from '@damselfly/test'

const MIB = 1024 ** 2

describe('a person at a terminal', function () {
  this.timeout(120_000)
  let ways: WaysLab
  let origin: FaultOrigin

  before(async () => {
    ways = await createWaysLab()
    origin = await ways.lab.faultOrigin()
  })

  after(() => ways.lab.stop())

  /** Runs dfget with a terminal of its own and returns all that the terminal was sent. */
  async function onTerminal(args: readonly string[]): Promise<string> {
    const { lab } = ways
    const command = [commandOf('dfget'), ...args].map((word) => `'${word}'`).join(' ')
    const settings = { env: { ...lab.dfgetHome, TERM: 'xterm' }, rawOutput: true }
    const terminal = lab.program('script', SCRIPT, ['-qefc', `stty cols 100; exec ${command}`, '/dev/null'], settings)
    let shown = ''
    for await (const text of terminal.output.setEncoding('utf8')) shown += text as string
    assert.equal((await terminal.exited).code, 0, shown)
    return shown
  }

  it('sees percent, speed, time to go and the share of peers, and at the end a summary', async function () {
    if (!(await isInstalled(SCRIPT))) this.skip()
    const { lab, daemon, supernode } = ways
    const url = origin.add('/shown', { size: 8 * MIB })
    const holder = await lab.daemon('holder', { supernodes: [supernode.address] })
    await lab.download(url, lab.path('held'), holder).done()
    const shown = await onTerminal([url, '-o', lab.path('shown'), '--limit-rate', '6MiB', '--socket', daemon.socket])
    const frames = shown.split('\u001b[1G')
    const bar = /^\[=*>? *\] \d+%  [\d.]+ [KM]?i?B of 8\.00 MiB  [\d.]+ [KM]?i?B\/s  ETA (\d+s|--)  \d+% from peers/
    const middle = frames.filter((frame) => bar.test(frame) && !frame.includes(' 0%  ') && !frame.includes(' 100%  '))
    assert.ok(middle.length >= 3, shown)
    assert.ok(middle.some((frame) => / ETA \d+s {2}[1-9]\d*% from peers/.test(frame)), shown)
    assert.match(shown, /shown: 8\.00 MiB in [\d.]+ s \([\d.]+ MiB\/s\), \d+% from peers[^\n]*\r\n$/)
    // The cursor is shown again.
    assert.ok(shown.lastIndexOf('\u001b[?25h') > shown.lastIndexOf('\u001b[?25l'))
  })

  it('sees only the summary with --no-progress, and nothing with --quiet', async function () {
    if (!(await isInstalled(SCRIPT))) this.skip()
    const url = origin.add('/plain', { size: MIB })
    const args = [url, '-o', ways.lab.path('plain'), '--socket', ways.daemon.socket]
    assert.match(await onTerminal([...args, '--no-progress']), /^\S+: 1\.00 MiB in [^\r\n]*\r\n$/)
    assert.equal(await onTerminal([...args, '--quiet']), '')
  })

  for (const [i, way] of WAYS.entries()) {
    it(`interrupts a dfget ${way} with Ctrl-C, and the same command goes on from there`, async () => {
      const { lab } = ways
      const path = `/interrupted-${i}`
      const url = origin.add(path, { size: 6 * MIB, pauseAfter: 4 * MIB })
      const folder = lab.path(`interrupted-${i}`)
      const args = [url, '-o', `${folder}-out`, '--json', ...wayArguments(ways, way)]
      const broken = new RunningDownload(lab.dfget(args))
      const { verifiedBytes } = await broken.reached(2 * MIB)
      broken.program.kill('SIGINT')
      const failure = await broken.failed()
      assert.equal(failure.code, 'CANCELLED')
      assert.equal(failure.exitCode, 130)
      assert.equal(broken.program.stderr, '')
      assert.deepEqual((await readdir(lab.directory)).filter((name) => name.startsWith(`interrupted-${i}`)), [])

      origin.resume(path)
      const done = await new RunningDownload(lab.dfget(args)).done()
      assert.ok(done.bytesFrom.held >= verifiedBytes, `${done.bytesFrom.held} of ${verifiedBytes}`)
      assert.equal(await digestOf(`${folder}-out`), createHash('sha256').update(generatedContent(6 * MIB)).digest('hex'))
    })
  }
})
