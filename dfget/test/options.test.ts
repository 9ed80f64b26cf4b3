import assert from 'node:assert/strict'
import { writeFile } from 'node:fs/promises'
import { isDamselflyError, sha256 } from '@damselfly/shared'
import fc from 'fast-check'
import { readCommandLine } from '../src/command.ts'
import { OPTIONS } from '../src/option-table.ts'
import { readPlainArguments } from '../src/plain-arguments.ts'
import { DEFAULT_SETTINGS } from '../src/settings.ts'
import { dfgetConfigSchema, printSettings, readSettings } from '../src/config.ts'
import { chooseConfigFile, defaultDataDir, loadSettings } from '../src/load-settings.ts'
import { parseArguments } from '../src/options.ts'
import { useTempDir } from './temp-dir.ts'

const URL = 'http://origin.test/file'

async function download(...args: readonly string[]) {
  const invocation = await parseArguments([URL, ...args], '1.2.3')
  return invocation.type === 'download' ? invocation : assert.fail(invocation.type)
}

describe('the command line', () => {
  it('tells what is downloaded, and how', async () => {
    const digest = Buffer.from(sha256(Buffer.from('x')))
    const { job, flags } = await download(
      ...'-o out --range 5-9 --json -q --tag t --application a --filter sig,exp --timeout 30s'.split(' '),
      '--header',
      'A: 1',
      '-H',
      'B: 2',
      '--digest',
      `sha256:${digest.toString('hex')}`,
    )
    assert.deepEqual(job, {
      url: URL,
      output: 'out',
      digest,
      headers: [['A', '1'], ['B', '2']],
      range: { start: 5, end: 9 },
      json: true,
      quiet: true,
    })
    assert.equal(flags.tag, 't')
    assert.deepEqual(flags.filter, ['sig', 'exp'])
  })

  it('hides no setting that it does not name', async () => {
    assert.deepEqual(Object.values((await download()).flags).filter((value) => value !== undefined), [])
  })

  it('does without dfdaemon when a supernode is named', async () => {
    assert.equal((await download('--supernode', '[::1]:65000')).flags.daemon, false)
    assert.equal((await download('--no-daemon')).flags.daemon, false)
  })

  it('shows help with every exit code, and the version', async () => {
    const help = await parseArguments(['--help'], '1.2.3')
    assert.ok(help.type === 'print')
    for (const line of ['0  the content', '130  interrupted', 'DIGEST_MISMATCH', 'DISK_FULL']) assert.ok(help.text.includes(line), line)
    assert.ok(help.text.split('\n').every((line) => line.length <= 100))
    assert.deepEqual(await parseArguments(['--version'], '1.2.3'), { type: 'print', text: '1.2.3\n' })
  })

  it('is refused with USAGE when it makes no sense', async () => {
    for (const args of [[], [URL, 'http://another/'], [URL, '--nonsense'], [URL, '--digest', 'md5:1'], [URL, '-o']]) {
      await assert.rejects(parseArguments(args, '1'), (error) => isDamselflyError(error, 'USAGE'), args.join(' '))
    }
  })
})

describe('a plain command line', () => {
  const words = OPTIONS.flatMap(({ flags }) => flags.split(', ').map((flag) => flag.split(' ')[0] ?? ''))
  const word = fc.oneof(
    fc.constantFrom(...words, URL, '-', '--', '-x', '-5', '-qo', '--tag=t', '--quiet=1', '--no-tag', '--outpu', 'x y', ''),
    fc.string({ maxLength: 4 }),
  )

  it('is read as commander reads it', () => {
    fc.assert(
      fc.property(fc.array(word, { maxLength: 8 }), (args) => {
        const plain = readPlainArguments(args)
        if (plain !== undefined) assert.deepEqual(plain, readCommandLine(args, '1'))
      }),
    )
  })

  it('is what people and scripts write', () => {
    for (const { flags } of OPTIONS) {
      for (const flag of flags.split(', ')) {
        const [name = '', value] = flag.split(' ')
        assert.ok(readPlainArguments([URL, name, ...(flags.includes('<') ? [value ?? 'x'] : [])]), flag)
      }
    }
  })
})

describe('the settings', () => {
  const directory = useTempDir()

  it('are the same defaults with and without the schema', async () => {
    const fast = await loadSettings({ configFile: undefined, flags: {}, env: {} })
    assert.deepEqual(fast, DEFAULT_SETTINGS)
    assert.deepEqual(dfgetConfigSchema.parse({}), DEFAULT_SETTINGS)
  })

  it('are the same from plain flags with and without the schema', async () => {
    const input = { configFile: undefined, flags: { tag: 't', supernodes: ['a:1'], daemon: false, filter: ['x'] }, env: {} }
    assert.deepEqual(await loadSettings(input), await readSettings(input))
  })

  it('come from flags before environment before file', async () => {
    const configFile = directory.file('dfget.yaml')
    await writeFile(configFile, 'tag: file\napplication: file\ntimeout: 1m\n')
    const env = { DAMSELFLY_DFGET_TAG: 'env', DAMSELFLY_DFGET_APPLICATION: 'env' }
    const settings = await loadSettings({ configFile, flags: { tag: 'flag', limitRate: '10MB' }, env })
    const { tag, application, timeout, limitRate } = settings
    assert.deepEqual({ tag, application, timeout, limitRate }, { tag: 'flag', application: 'env', timeout: 60_000, limitRate: 1e7 })
    assert.match(printSettings(settings), /^tag: flag$/m)
  })

  it('are refused by name', async () => {
    const load = loadSettings({ configFile: undefined, flags: { timeout: 'soon' }, env: {} })
    await assert.rejects(load, (error) => isDamselflyError(error, 'CONFIG_INVALID') && error.message.includes('timeout (--timeout)'))
    const unknown = loadSettings({ configFile: undefined, flags: {}, env: { DAMSELFLY_DFGET_TAGS: 'x' } })
    await assert.rejects(unknown, /DAMSELFLY_DFGET_TAG\b/)
  })

  it('are looked for where the user keeps them', async () => {
    const env = { XDG_CONFIG_HOME: directory.path, XDG_CACHE_HOME: directory.path }
    assert.equal(chooseConfigFile('/named', env), '/named')
    assert.equal(chooseConfigFile(undefined, { ...env, DAMSELFLY_DFGET_CONFIG: '/env' }), '/env')
    assert.equal(defaultDataDir(env), directory.file('damselfly/dfget'))
  })
})
