import assert from 'node:assert/strict'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { Caller } from '../src/lanes/remote-calls.ts'

const LIBRARY = new URL('../src/lanes/remote-calls.ts', import.meta.url).href

const SCRIPT = `
  import { answerCalls } from ${JSON.stringify(LIBRARY)}
  answerCalls({
    async double(bytes) { return bytes.map((byte) => 2 * byte) },
    async fail() { throw new Error('no such luck') },
    async end() { process.exit(3) },
  })
`

type ScriptCalls = {
  readonly double: (bytes: Uint8Array) => Promise<Uint8Array>
  readonly fail: (nothing: object) => Promise<void>
  readonly end: (nothing: object) => Promise<void>
}

describe('a process that a benchmark calls', () => {
  let directory: string
  let caller: Caller<ScriptCalls>
  before(async () => {
    directory = await mkdtemp(join(tmpdir(), 'damselfly-calls-'))
    await writeFile(join(directory, 'script.ts'), SCRIPT)
  })
  after(() => rm(directory, { recursive: true }))
  beforeEach(() => {
    caller = new Caller(pathToFileURL(join(directory, 'script.ts')))
  })
  afterEach(() => caller.stop())

  it('answers, with bytes as bytes', async () => {
    assert.deepEqual(await caller.call('double', Uint8Array.of(1, 2)), Uint8Array.of(2, 4))
  })

  it('tells why it could not, and answers the next call', async () => {
    await assert.rejects(caller.call('fail', {}), /no such luck/)
    assert.deepEqual(await caller.call('double', Uint8Array.of(3)), Uint8Array.of(6))
  })

  it('does not keep anybody waiting when it ends', async () => {
    await assert.rejects(caller.call('end', {}), /ended with 3/)
  })
})
