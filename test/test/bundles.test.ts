import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { readFile } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { generatedContent } from '@damselfly/cdn/testing'
import { createWaysLab, RunningDownload, wayArguments, WAYS, type WaysLab } from '@damselfly/test'

const run = promisify(execFile)
const ROOT = fileURLToPath(new URL('../../', import.meta.url))
const BUNDLE = fileURLToPath(new URL('../../scripts/bundle.ts', import.meta.url))
const SIZE = 3 * 1024 * 1024 + 1

describe('the programs as they are installed', function () {
  this.timeout(180_000)
  let ways: WaysLab
  let url: string

  before(async () => {
    await run(process.execPath, [BUNDLE], { cwd: ROOT })
    ways = await createWaysLab()
    url = (await ways.lab.faultOrigin()).add('/file', { size: SIZE })
  })
  after(() => ways?.lab.stop())

  it('have bundles that are those of the sources', async () => {
    const { stdout } = await run(process.execPath, [BUNDLE], { cwd: ROOT })
    assert.equal(stdout, 'The bundles are current.\n')
  })

  for (const way of WAYS) {
    it(`download ${way}`, async () => {
      const output = ways.lab.path(`out ${way}`)
      await new RunningDownload(ways.lab.dfget([url, '-o', output, '--json', ...wayArguments(ways, way)])).done()
      assert.ok((await readFile(output)).equals(generatedContent(SIZE)))
    })
  }

  it('download over libp2p, which is loaded late', async () => {
    const { lab, supernode } = ways
    const output = lab.path('libp2p')
    const args = [url, '-o', output, '--json', '--supernode', supernode.libp2pAddress, '--data-dir', lab.path('libp2p-peer')]
    await new RunningDownload(lab.dfget(args, { env: { DAMSELFLY_DFGET_SECURITY: 'noise' } })).done()
    assert.ok((await readFile(output)).equals(generatedContent(SIZE)))
  })

  it('load no more of Node.js than a small download through dfdaemon needs', async () => {
    const { lab, daemon } = ways
    const list = lab.path('modules')
    const tell = `process.on('exit', () => process.getBuiltinModule('fs').writeFileSync(${JSON.stringify(list)}, process.moduleLoadList.join('\\n')))`
    const env = { NODE_OPTIONS: `--import=data:text/javascript,${encodeURIComponent(tell)}` }
    const small = (await lab.faultOrigin()).add('/small', { size: 1024 })
    const { code } = await lab.dfget([small, '-o', lab.path('small'), '--socket', daemon.socket], { env }).exited
    assert.equal(code, 0)
    const loaded = await readFile(list, 'utf8')
    assert.match(loaded, /^NativeModule net$/m)
    assert.doesNotMatch(loaded, /^NativeModule (http|crypto|child_process|internal\/fs\/promises|internal\/deps\/undici\/undici)$/m)
  })

  it('answer --help and --print-config, and say what is wrong', async () => {
    for (const name of ['supernode', 'dfdaemon', 'dfget'] as const) {
      const help = await ways.lab.own(name, ['--help']).exited
      assert.match(help.stdout, new RegExp(`^Usage: ${name}`))
      const config = await ways.lab.own(name, ['--print-config']).exited
      assert.deepEqual([config.code, config.stderr], [0, ''])
      const wrong = await ways.lab.own(name, ['--nonsense']).exited
      assert.match(wrong.stderr, /unknown option/)
      assert.notEqual(wrong.code, 0)
    }
  })
})
