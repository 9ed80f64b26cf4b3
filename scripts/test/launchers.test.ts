import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { chmod, copyFile, mkdir, mkdtemp, readdir, readFile, realpath, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { promisify } from 'node:util'
import { ROOT } from '../checks.ts'

const run = promisify(execFile)
const PROGRAMS = ['supernode', 'dfdaemon', 'dfget']
const LAUNCHERS = PROGRAMS.map((program) => join(ROOT, program, 'bin', program))
const STARTS = PROGRAMS.map((program) => join(ROOT, program, 'bin/start.mjs'))

describe('the launchers', () => {
  let checkout: string
  let launcher: string

  beforeEach(async () => {
    checkout = await realpath(await mkdtemp(join(tmpdir(), 'damselfly-launcher-')))
    launcher = join(checkout, 'program/bin/program')
    await mkdir(dirname(launcher), { recursive: true })
    await copyFile(LAUNCHERS[0] as string, launcher)
    await copyFile(STARTS[0] as string, join(checkout, 'program/bin/start.mjs'))
    await writeFile(join(checkout, 'program/package.json'), '{ "version": "1.2.3", "type": "module" }')
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
    for (const files of [LAUNCHERS, STARTS]) {
      const texts = await Promise.all(files.map((path) => readFile(path, 'utf8')))
      assert.equal(new Set(texts).size, 1)
    }
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

  it('tell the version', async () => {
    await addNode()
    const { stdout } = await run(launcher, ['--version'])
    assert.equal(stdout, '1.2.3\n')
  })

  it('say what is missing when there is no Node.js', async () => {
    const failure = await run('/bin/sh', [launcher], { env: { PATH: '/nowhere' } }).then(shouldFail, reasonOf)
    assert.deepEqual(failure, {
      code: 1,
      stderr: "program: needs Node.js 24.15 or later, found none; run 'npm ci' in the checkout, which brings one\n",
    })
  })

  for (const version of ['20.20.2', '24.14.9']) {
    it(`say what is missing when the only Node.js is ${version}`, async () => {
      const pretend = `Object.defineProperty(process, 'versions', { value: { node: '${version}' } })`
      const env = { PATH: `${dirname(process.execPath)}:/usr/bin:/bin`, NODE_OPTIONS: `--import=data:text/javascript,${encodeURIComponent(pretend)}` }
      const failure = await run(launcher, { env }).then(shouldFail, reasonOf)
      assert.deepEqual(failure, {
        code: 1,
        stderr: `program: needs Node.js 24.15 or later, found ${version}; run 'npm ci' in the checkout, which brings one\n`,
      })
    })
  }

  it('keep compiled code where only the user can write, and do without elsewhere', async () => {
    await addNode()
    const compiled = join(checkout, 'cache/damselfly/compile')
    const env = { ...process.env, NODE_COMPILE_CACHE: undefined, NODE_DISABLE_COMPILE_CACHE: undefined, XDG_CACHE_HOME: join(checkout, 'cache') }
    await start(launcher, [], env)
    assert.equal((await readdir(compiled)).length, 1)
    await rm(compiled, { recursive: true })
    await mkdir(compiled)
    await chmod(compiled, 0o777)
    await start(launcher, [], env)
    assert.deepEqual(await readdir(compiled), [])
    await start(launcher, [], { ...env, XDG_CACHE_HOME: launcher })
  })
})

function shouldFail(): never {
  assert.fail('it started')
}

function reasonOf({ code, stderr }: { readonly code: number; readonly stderr: string }): object {
  return { code, stderr }
}
