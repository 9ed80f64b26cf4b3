import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { copyFile, mkdir, mkdtemp, readFile, realpath, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { promisify } from 'node:util'
import { ROOT } from '../checks.ts'

const run = promisify(execFile)
const LAUNCHERS = ['supernode', 'dfdaemon', 'dfget'].map((program) => join(ROOT, program, 'bin', program))

describe('the launchers', () => {
  let checkout: string
  let launcher: string

  beforeEach(async () => {
    checkout = await realpath(await mkdtemp(join(tmpdir(), 'damselfly-launcher-')))
    launcher = join(checkout, 'program/bin/program')
    await mkdir(dirname(launcher), { recursive: true })
    await copyFile(LAUNCHERS[0] as string, launcher)
    await mkdir(join(checkout, 'program/src'))
    const main =
      'const found: object = { file: import.meta.filename, args: process.argv.slice(2) }\nconsole.log(JSON.stringify(found))\n'
    await writeFile(join(checkout, 'program/src/main.ts'), main)
  })
  afterEach(() => rm(checkout, { recursive: true }))

  async function start(
    path: string,
    args: readonly string[] = [],
    env: NodeJS.ProcessEnv = process.env,
  ): Promise<unknown> {
    const { stdout } = await run(path, args, { env })
    return JSON.parse(stdout)
  }

  async function addNode(): Promise<void> {
    await mkdir(join(checkout, 'node_modules/.bin'), { recursive: true })
    await symlink(process.execPath, join(checkout, 'node_modules/.bin/node'))
  }

  async function addLink(path: string, target: string): Promise<string> {
    await mkdir(dirname(join(checkout, path)), { recursive: true })
    await symlink(target, join(checkout, path))
    return join(checkout, path)
  }

  it('are one and the same file', async () => {
    const texts = await Promise.all(LAUNCHERS.map((path) => readFile(path, 'utf8')))
    assert.equal(new Set(texts).size, 1)
  })

  it('start the main file of their own package with the Node.js of the checkout, and pass on arguments', async () => {
    await addNode()
    const found = await start(launcher, ['a b', "'", ''], { PATH: '/usr/bin:/bin' })
    assert.deepEqual(found, { file: join(checkout, 'program/src/main.ts'), args: ['a b', "'", ''] })
  })

  it('work through links: absolute, relative, one after the other, and through a linked package as npm makes it', async () => {
    await addNode()
    const absolute = await addLink('usr/local/bin/program', launcher)
    const chained = await addLink('home/bin/p', '../../usr/local/bin/program')
    await addLink('lib/@scope/program', '../../program')
    const npm = await addLink('lib/.bin/program', '../@scope/program/bin/program')
    for (const path of [absolute, chained, npm]) {
      const { file } = (await start(path)) as { file: string }
      assert.equal(file, join(checkout, 'program/src/main.ts'), path)
    }
  })

  it('take the Node.js on the PATH when the checkout has none', async () => {
    const env = { PATH: `${dirname(process.execPath)}:/usr/bin:/bin` }
    assert.ok(await start(launcher, [], env))
  })

  for (const [version, found] of [
    ['v20.20.2', 'v20.20.2'],
    ['v24.14.9', 'v24.14.9'],
    [undefined, 'none'],
  ] as const) {
    it(`say what is missing when the only Node.js is ${found}`, async () => {
      const bin = join(checkout, 'bin')
      await mkdir(bin)
      if (version !== undefined) await writeFile(join(bin, 'node'), `#!/bin/sh\necho ${version}\n`, { mode: 0o755 })
      const failure = await run('/bin/sh', [launcher], { env: { PATH: bin } }).then(
        () => assert.fail('it started'),
        (error: { code: number; stderr: string }) => error,
      )
      assert.equal(failure.code, 1)
      assert.equal(
        failure.stderr,
        `program: needs Node.js 24.15 or later, found ${found}; run 'npm ci' in the checkout, which brings one\n`,
      )
    })
  }
})
