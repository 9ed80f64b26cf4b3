import assert from 'node:assert/strict'
import { existsSync } from 'node:fs'
import { mkdtemp, readdir, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Bench } from '../src/bench.ts'
import { parseCommandLine, UsageError } from '../src/command-line.ts'
import { figure } from '../src/figure.ts'
import { Labs } from '../src/labs.ts'
import { measured, sumOf } from '../src/measured.ts'
import type { ReferenceProgram } from '../src/reference-programs.ts'
import { runBench } from '../src/run-bench.ts'
import { warmMemory } from '../src/warm-memory.ts'

describe('the command line of benchmarks', () => {
  const benches = [bench('first'), bench('second')]

  it('takes all benchmarks or the named one', () => {
    assert.deepEqual(parseCommandLine([], benches).benches, benches)
    assert.equal(parseCommandLine([], benches).isSingle, false)
    const { benches: chosen, isSingle, rounds, json, save } = parseCommandLine(['second', '--rounds', '7', '--json', '--save'], benches)
    assert.deepEqual([chosen, isSingle, rounds, json, save], [[benches[1]], true, 7, true, true])
  })

  for (const args of [['third'], ['first', 'second'], ['--rounds', '0'], ['--rounds', 'x'], ['--unknown']]) {
    it(`refuses ${args.join(' ')}`, () => {
      assert.throws(() => parseCommandLine(args, benches), UsageError)
    })
  }
})

describe('a benchmark', () => {
  it('is skipped by name when a program is missing', async () => {
    const lines: string[] = []
    const outcome = await withPath('/nowhere', async () => runBench(bench('lonely', ['aria2c']), { rounds: undefined, large: false, labs: new Labs(), report: (line) => lines.push(line) }))
    assert.equal(outcome.type, 'skipped')
    assert.deepEqual(outcome.result.skipped, ['aria2c'])
    assert.deepEqual(outcome.result.figures, [])
    assert.match(lines.join(), /aria2c not installed \(apt-get install aria2\)/)
  })

  it('is told its rounds, and its result has all that it needs to be judged', async () => {
    const outcome = await runBench(bench('fine'), { rounds: 3, large: false, labs: new Labs(), report: () => undefined })
    assert.equal(outcome.type, 'measured')
    const { bench: name, figures, machine } = outcome.result
    assert.equal(name, 'fine')
    assert.deepEqual(figures, [figure('rounds', 'x', [3])])
    assert.ok(machine.cores > 0)
  })
})

describe('labs of benchmarks', () => {
  it('are gone when their work has ended, also when it failed', async () => {
    const labs = new Labs()
    let directory = ''
    await assert.rejects(
      labs.with(async (lab) => {
        directory = lab.directory
        throw new Error('broken')
      }),
      /broken/,
    )
    assert.equal(existsSync(directory), false)
  })

  it('are gone, with what was started in them, when they are closed from outside; no new one is made', async () => {
    const labs = new Labs()
    const { promise: started, resolve: start } = Promise.withResolvers<void>()
    let directory = ''
    const work = labs.with(async (lab) => {
      directory = lab.directory
      const first = lab.program('sleep', 'sleep', ['600'])
      start()
      await first.exited
      // It has not noticed and goes on.
      return lab.program('sleep', 'sleep', ['600'])
    })
    await started
    await labs.close()
    assert.equal(existsSync(directory), false)
    assert.equal((await work).isRunning, false)
    await assert.rejects(labs.with(async () => undefined), /interrupted/)
  })
})

describe('measuring', () => {
  it('tells by how much each meter went on', async () => {
    let bytes = 5
    const { used, result, wall } = await measured({ bytes: async () => bytes, twice: sumOf([async () => bytes, async () => bytes]) }, async () => {
      bytes += 7
      return 'done'
    })
    assert.deepEqual(used, { bytes: 7, twice: 14 })
    assert.equal(result, 'done')
    assert.ok(wall >= 0)
  })

  it('leaves nothing of the file that warms memory', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'damselfly-warm-'))
    try {
      await warmMemory(folder, 3 * 1024 * 1024)
      assert.deepEqual(await readdir(folder), [])
    } finally {
      await rm(folder, { recursive: true })
    }
  })
})

function bench(name: string, needs: readonly ReferenceProgram[] = []): Bench {
  return {
    name,
    title: name,
    needs,
    explanation: { about: [], ways: {}, limits: [], plot: [] },
    run: async ({ rounds }) => [figure('rounds', 'x', [rounds ?? 0])],
  }
}

async function withPath<T>(path: string, work: () => Promise<T>): Promise<T> {
  const before = process.env['PATH']
  process.env['PATH'] = path
  try {
    return await work()
  } finally {
    process.env['PATH'] = before
  }
}
