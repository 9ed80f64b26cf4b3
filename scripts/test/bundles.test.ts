import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { copyFile, mkdir, mkdtemp, readdir, readFile, realpath, rm, utimes, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { promisify } from 'node:util'
import { bundleProgram, endBundling } from '../bundling/bundle-program.ts'
import { isCurrent } from '../bundling/inputs.ts'
import { ROOT } from '../checks.ts'

const run = promisify(execFile)

const MAIN = `import { tell } from './program.ts'
await tell()
`

const PROGRAM = `import { request } from 'node:http'
import process from 'node:process'
import { word } from './word.ts'
const isHttpWhole = process.moduleLoadList.includes('NativeModule internal/deps/undici/undici')
const file = import.meta.filename.split('/').at(-2)
export async function tell() {
  const late = process.argv[2] === 'late' ? (await import('./late.ts')).late : undefined
  console.log(JSON.stringify({ file, word, late, isHttpWhole, request: typeof request }))
}
`

interface Told {
  readonly file: 'bundle' | 'src'
  readonly word: string
  readonly late?: string
  readonly isHttpWhole: boolean
}

describe('the bundle of a program', function () {
  this.timeout(120_000)
  let root: string

  beforeEach(async () => {
    root = await realpath(await mkdtemp(join(tmpdir(), 'damselfly-bundle-')))
    await write('program/src/main.ts', MAIN)
    await write('program/src/program.ts', PROGRAM)
    await write('program/src/word.ts', "export const word: string = 'first'\n")
    await write('program/src/late.ts', "export const late: string = 'late'\n")
    await write('program/package.json', '{ "type": "module" }')
    await mkdir(join(root, 'program/bin'))
    await copyFile(join(ROOT, 'dfget/bin/start.mjs'), join(root, 'program/bin/start.mjs'))
  })
  afterEach(() => rm(root, { recursive: true }))
  after(() => endBundling())

  /** As old as a file is that nobody is editing. */
  async function write(path: string, text: string, ageSeconds = 10): Promise<void> {
    const target = join(root, path)
    await mkdir(dirname(target), { recursive: true })
    await writeFile(target, text)
    const time = Date.now() / 1000 - ageSeconds
    await utimes(target, time, time)
  }

  async function start(...args: readonly string[]): Promise<Told> {
    const { stdout } = await run(process.execPath, [join(root, 'program/bin/start.mjs'), ...args])
    return JSON.parse(stdout) as Told
  }

  it('is started instead of the sources, and loads parts when they are needed', async () => {
    assert.equal((await start()).file, 'src')
    await bundleProgram(root, 'program')
    const { file, word } = await start()
    assert.deepEqual({ file, word }, { file: 'bundle', word: 'first' })
    assert.equal((await start('late')).late, 'late')
  })

  it('is one file beside the main one, whatever late parts share with it', async () => {
    await write('program/src/late.ts', "import { word } from './word.ts'\nexport const late: string = `late ${word}`\n")
    await bundleProgram(root, 'program')
    assert.equal((await start('late')).late, 'late first')
    assert.equal((await readdir(join(root, 'program/bundle'))).filter((name) => name.endsWith('.mjs')).length, 3)
  })

  it('loads no more of Node.js than it uses', async () => {
    assert.equal((await start()).isHttpWhole, true, 'an import costs as much as it did')
    await bundleProgram(root, 'program')
    assert.equal((await start()).isHttpWhole, false)
  })

  for (const [change, make] of [
    ['edited', () => write('program/src/word.ts', "export const word: string = 'other'\n", 5)],
    ['edited without a change of its length', () => write('program/src/word.ts', "export const word: string = 'fiRst'\n", 5)],
    ['replaced by an older one', () => write('program/src/word.ts', "export const word: string = 'older'\n", 1000)],
    ['edited though it is loaded late only', () => write('program/src/late.ts', "export const late: string = 'later'\n", 5)],
  ] as const) {
    it(`is not used once a source file is ${change}`, async () => {
      await bundleProgram(root, 'program')
      await make()
      assert.equal((await start()).file, 'src')
      assert.equal(isCurrent(root, join(root, 'program/bundle')), false)
      await bundleProgram(root, 'program')
      assert.equal((await start()).file, 'bundle')
    })
  }

  it('is not used once npm has changed what is installed', async () => {
    await write('node_modules/.package-lock.json', '{}')
    await bundleProgram(root, 'program')
    assert.equal((await start()).file, 'bundle')
    await write('node_modules/.package-lock.json', '{}', 3)
    assert.equal((await start()).file, 'src')
  })

  it('is used as it is where there are no sources, as in a published package', async () => {
    await bundleProgram(root, 'program')
    await rm(join(root, 'program/src'), { recursive: true })
    assert.equal((await start('late')).late, 'late')
  })

  it('is refused while somebody edits the sources', async () => {
    await write('program/src/word.ts', "export const word: string = 'new'\n", -60)
    await assert.rejects(bundleProgram(root, 'program'), /word\.ts changed while it was read/)
    assert.equal((await start()).file, 'src')
  })

  it('leaves parts of the one before to programs that still run, for some days', async () => {
    await bundleProgram(root, 'program')
    const before = await readdir(join(root, 'program/bundle'))
    await write('program/bundle/part-ANCIENT.mjs', '', 30 * 24 * 3600)
    await write('program/src/late.ts', "export const late: string = 'later'\n", 5)
    await bundleProgram(root, 'program')
    const after = await readdir(join(root, 'program/bundle'))
    assert.deepEqual(before.filter((name) => !after.includes(name)), [])
    assert.ok(after.length > before.length)
    assert.ok(!after.includes('part-ANCIENT.mjs'))
  })

  it('that cannot be made leaves the one before', async () => {
    await bundleProgram(root, 'program')
    const before = await readFile(join(root, 'program/bundle/main.mjs'))
    await write('program/src/main.ts', 'import "./missing.ts"\n')
    await assert.rejects(bundleProgram(root, 'program'), /missing/)
    assert.deepEqual(await readFile(join(root, 'program/bundle/main.mjs')), before)
  })
})
