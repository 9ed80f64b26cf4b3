import assert from 'node:assert/strict'
import { Lab } from '@damselfly/test'
import { ASKABLE, MemoryQuestions } from '../../src/many/leak/collected-memory.ts'
import { watchMemory } from '../../src/many/resident-memory.ts'
import { residentMemory } from '../../src/process-memory.ts'

describe('the memory of a process', () => {
  let lab: Lab

  beforeEach(async () => {
    lab = await Lab.create()
  })

  afterEach(() => lab.stop())

  it('is looked at while work goes on, and its result is that of the work', async () => {
    const { result, resident } = await watchMemory(process.pid, async () => residentMemory(process.pid))
    assert.ok(result > 10_000_000)
    assert.ok(resident.length > 0 && resident.every((bytes) => bytes > 10_000_000))
  })

  it('is no longer looked at when the process has gone', async () => {
    const gone = lab.program('true', 'true', [])
    await gone.exited
    assert.deepEqual(await watchMemory(gone.pid, async () => 'done'), { result: 'done', resident: [] })
  })

  it('is told after a collection, each time it is asked', async function () {
    this.timeout(120_000)
    const script = "globalThis.kept = []; process.stdin.resume(); console.log('here'); setInterval(() => kept.push('x'.repeat(1e5) + kept.length), 1)"
    const program = lab.program('node', process.execPath, ['--conditions=development', '-e', script], { env: ASKABLE })
    await program.line((line) => (line === 'here' ? line : undefined))
    const questions = new MemoryQuestions(program)
    const [first, second] = [await questions.ask(), await questions.ask()]
    assert.ok(first.heap > 1_000_000 && first.resident > first.heap)
    assert.notDeepEqual(first, second)
  })
})
