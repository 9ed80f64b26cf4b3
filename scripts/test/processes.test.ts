import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { ROOT } from '../checks.ts'
import { runInGroup } from '../processes.ts'

const run = promisify(execFile)

describe('runInGroup', () => {
  it('gives the exit code', async () => {
    assert.deepEqual(await runInGroup('sh', ['-c', 'exit 3'], { timeLimit: 10_000 }), { type: 'exited', code: 3 })
  })

  it('kills what a program leaves running, and says so', async () => {
    const outcome = await runInGroup('sh', ['-c', 'sleep 60 & exit 0'], { timeLimit: 10_000 })
    assert.deepEqual(outcome, { type: 'killed', why: 'it left processes running' })
  })

  it('kills a program that takes too long', async () => {
    const outcome = await runInGroup('sleep', ['60'], { timeLimit: 50 })
    assert.deepEqual(outcome, { type: 'killed', why: 'it took longer than 0.05 s' })
  })

  it('fails when there is no such program', async () => {
    await assert.rejects(runInGroup('no-such-program', [], { timeLimit: 1000 }), /ENOENT/)
  })
})

describe('the install lock', () => {
  let folder: string
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'damselfly-lock-'))
  })
  afterEach(() => rm(folder, { recursive: true }))

  /** Enters, stays a moment and leaves, and writes down both. */
  function worker(name: string): Promise<unknown> {
    const program = `
      import { appendFileSync } from 'node:fs'
      import { setTimeout } from 'node:timers/promises'
      import { withLock } from ${JSON.stringify(join(ROOT, 'scripts/lock.mjs'))}
      await withLock('lock', async () => {
        appendFileSync('log', '${name}+ ')
        await setTimeout(20)
        appendFileSync('log', '${name}- ')
      })`
    return run(process.execPath, ['--input-type=module', '--eval', program], { cwd: folder })
  }

  async function assertOneAtATime(names: readonly string[]): Promise<void> {
    await Promise.all(names.map(worker))
    const entries = (await readFile(join(folder, 'log'), 'utf8')).trim().split(' ')
    const expected = entries.filter((entry) => entry.endsWith('+')).flatMap((entry) => [entry, entry.replace('+', '-')])
    assert.deepEqual(entries, expected)
    assert.equal(entries.length, names.length * 2)
  }

  it('lets one process in at a time', () => assertOneAtATime(['a', 'b', 'c', 'd']))

  it('is taken over from a process that is gone', async () => {
    const { stdout } = await run(process.execPath, ['--print', 'process.pid'])
    await writeFile(join(folder, 'lock'), stdout.trim())
    await assertOneAtATime(['a', 'b', 'c'])
  })
})
