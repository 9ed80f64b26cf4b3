import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { parseSimulateCommand } from '../../src/simulator/command-line.ts'
import { readScenarios } from '../../src/simulator/scenario/read-scenario.ts'
import { simulate } from '../../src/simulator/simulate.ts'

const run = promisify(execFile)
const MAIN = join(import.meta.dirname, '../../src/simulator/main.ts')
const GUIDE = join(import.meta.dirname, '../../../docs/guides/simulator.md')

interface Ended {
  readonly code: number
  readonly stdout: string
  readonly stderr: string
}

async function simulateCommand(...args: string[]): Promise<Ended> {
  try {
    return { code: 0, ...(await run(process.execPath, ['--conditions=development', MAIN, ...args])) }
  } catch (error) {
    return error as Ended
  }
}

describe('npm run simulate', function () {
  this.timeout(120_000)
  let folder: string

  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'damselfly-simulate-'))
  })
  after(async () => rm(folder, { recursive: true }))

  it('prints figures with their verdicts, draws, and records what can be replayed', async () => {
    const trace = join(folder, 'trace.jsonl')
    const few = ['twelve-hosts', '--set', 'tasks.pieces=8', '--record', trace, '--svg', join(folder, 'svg')]
    const { code, stdout } = await simulateCommand(...few)
    assert.equal(code, 0)
    assert.match(stdout, /^Twelve hosts \(seed 1\)\n/)
    assert.match(stdout, /origin sent, of all content +1 x {2}goal == 1: met\n/)
    assert.deepEqual((await readdir(join(folder, 'svg'))).toSorted(), ['twelve-hosts-availability.svg', 'twelve-hosts-completion.svg'])

    const replayed = await simulateCommand('--replay', trace)
    assert.match(replayed.stdout, /^\d+ events, 96 commands: all as recorded\n$/)

    const lines = (await readFile(trace, 'utf8')).split('\n')
    const changed = lines.findIndex((line) => line.includes('"assign"'))
    await writeFile(trace, lines.with(changed, (lines[changed] ?? '').replace('"piece":', '"piece":1')).join('\n'))
    const other = await simulateCommand('--replay', trace)
    assert.equal(other.code, 1)
    assert.ok(other.stdout.startsWith(`line ${changed + 1}, `), other.stdout)
  })

  it('says what is wrong with what it is asked for', async () => {
    const wrong = await simulateCommand('twelve-hosts', '--set', 'peers.host.count=many')
    assert.equal(wrong.code, 2)
    assert.match(wrong.stderr, /^simulate: CONFIG_INVALID: peers\.host\.count \(.*\): expected number/)
    assert.match((await simulateCommand('nowhere.yaml')).stderr, /nowhere\.yaml: there is no such file/)
    assert.match((await simulateCommand('equal', '--run', 'N=1')).stderr, /there is no run 'N=1'; there are: 'N=32 M=50'/)
    assert.match((await simulateCommand('--replay', join(folder, 'none'))).stderr, /^simulate: DISK_FAILED: .*none/)
  })

  it('explains pieces, decides by policies of a module, and replays with them alone', async () => {
    const trace = join(folder, 'own.jsonl')
    const few = ['twelve-hosts', '--set', 'tasks.pieces=8', '--set', 'peers.host.count=4']
    const policy = ['--policy', join(import.meta.dirname, '../../../docs/examples/policies/fast-neighbours.ts')]
    const { code, stdout, stderr } = await simulateCommand(...few, ...policy, '--record', trace, '--explain', '5/host-3')
    assert.equal(code, 0, stderr)
    assert.match(stdout, /^task task-1\nhost-3 was assigned piece 5 .*\n.*host-3 began to download.*\n.*Piece 5 to host-3 from /m)
    assert.match((await simulateCommand('--replay', trace, ...policy)).stdout, /all as recorded\n$/)
    assert.match((await simulateCommand('--replay', trace)).stderr, /^simulate: USAGE: it was recorded with the policy/)
    assert.match((await simulateCommand(...few, '--explain', '/host-9')).stderr, /^simulate: USAGE: --explain: there is no such peer or piece/)
  })

  it('lets the first fault of a policy end it', async () => {
    const module = join(folder, 'faulty.ts')
    await writeFile(module, 'export const createPolicies = () => ({ pieceOrders: { "rarest-first": { choose() { throw new Error("oh") } } } })')
    const { code, stderr } = await simulateCommand('twelve-hosts', '--policy', module)
    assert.equal(code, 2)
    assert.match(stderr, /^simulate: CONFIG_INVALID: policy .*faulty\.ts: pieceOrders\.rarest-first\.choose: oh\n/)
  })

  it('refuses a command line that it does not understand', () => {
    for (const args of [[], ['a', 'b'], ['a', '--sett'], ['a', '--set', 'x'], ['a', '--replay', 'b'], ['a', '--explain', '5'], ['a', '--explain', '/']]) {
      assert.throws(() => parseSimulateCommand(args), { code: 'USAGE' })
    }
  })
})

describe('the guide to the simulator', () => {
  it('shows a scenario that can be simulated', async () => {
    const [, text = ''] = /```yaml\n(.*?)```/s.exec(await readFile(GUIDE, 'utf8')) ?? []
    const runs = readScenarios({ path: 'guide.yaml', text }, { tasks: { pieces: 16 } })
    assert.deepEqual(runs.map(({ name }) => name), ['all at once', 'through the morning'])
    for (const { scenario } of runs) assert.equal(simulate(scenario).figures.unfinished, 0)
  })
})
