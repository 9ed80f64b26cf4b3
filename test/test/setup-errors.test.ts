import assert from 'node:assert/strict'
import { writeFile } from 'node:fs/promises'
import type { FaultOrigin } from '@damselfly/cdn/testing'
import { assertFailure, createWaysLab, failsCleanly, freePort, wayArguments, WAYS, type WaysLab } from '@damselfly/test'

const MIB = 1024 ** 2

describe('dfget', function () {
  this.timeout(120_000)
  let ways: WaysLab
  let origin: FaultOrigin
  let url: string

  before(async () => {
    ways = await createWaysLab()
    origin = await ways.lab.faultOrigin()
    url = origin.add('/file', { size: 2 * MIB })
  })

  after(() => ways.lab.stop())

  it('refuses a scheme that nobody speaks every way: NO_SOURCE_CLIENT', async () => {
    await Promise.all(
      WAYS.map((way) => {
        const args = ['ftp://127.0.0.1/file', ...wayArguments(ways, way)]
        return failsCleanly(ways.lab, args, 'NO_SOURCE_CLIENT', { existing: way !== 'alone' })
      }),
    )
  })

  const refusals = [['file:///etc/passwd', 'NO_SOURCE_CLIENT'], ['no URL at all', 'URL_REFUSED']] as const
  for (const [refused, code] of refusals) {
    it(`refuses '${refused}': ${code}`, async () => {
      await failsCleanly(ways.lab, [refused, ...wayArguments(ways, 'alone')], code)
    })
  }

  describe('without a supernode that answers', () => {
    let nobody: string
    before(async () => void (nobody = `127.0.0.1:${await freePort()}`))

    it('downloads from the origin, and says so once', async () => {
      const { lab } = ways
      const args = [url, '-o', lab.path('fetched'), '--supernode', nobody, '--data-dir', lab.path('unreachable')]
      const exit = await lab.dfget(args).exited
      assert.equal(exit.code, 0, exit.stderr)
      const [notice, summary, ...rest] = exit.stderr.split('\n')
      assert.equal(notice, 'dfget: the supernode cannot be reached; working without it')
      assert.match(summary ?? '', /100% from origin \(supernode-unreachable\)$/)
      assert.deepEqual(rest, [''])
    })

    it('does so through a dfdaemon too', async () => {
      const { lab } = ways
      const daemon = await lab.daemon('lonely', { supernodes: [nobody] })
      const exit = await lab.dfget([url, '-o', lab.path('lonely-out'), '--socket', daemon.socket]).exited
      assert.equal(exit.code, 0, exit.stderr)
      assert.match(exit.stderr, /^dfget: the supernode cannot be reached; working without it\n[^\n]+\n$/)
      await daemon.program.stop()
    })

    it('has no source when the origin may not be used: NO_SOURCE', async () => {
      const { lab } = ways
      const before = origin.stats('/file')
      await failsCleanly(lab, [url, '--no-back-to-source', '--no-daemon', '--data-dir', lab.path('none')], 'NO_SOURCE')
      const args = [url, '--no-back-to-source', '--supernode', nobody, '--data-dir', lab.path('no-supernode')]
      await failsCleanly(lab, args, 'NO_SOURCE')
      assert.deepEqual(origin.stats('/file'), before)
    })
  })

  describe('in front of an origin that stalls', () => {
    for (const way of WAYS) {
      it(`gives up in time ${way}: TIMEOUT`, async () => {
        const stalled = origin.add(`/stalled-${WAYS.indexOf(way)}`, { size: 4 * MIB, pauseAfter: MIB + 1000 })
        const started = performance.now()
        await failsCleanly(ways.lab, [stalled, '--timeout', '1500ms', ...wayArguments(ways, way)], 'TIMEOUT', { existing: true })
        const seconds = (performance.now() - started) / 1000
        // The start of the process counts too, which takes its time on a busy machine.
        assert.ok(seconds > 1.5 && seconds < 20, `${seconds} s`)
      })
    }
  })

  it('says which dfdaemon does not answer: DAEMON_UNREACHABLE', async () => {
    const socket = ways.lab.path('nobody.sock')
    const { stderr } = await failsCleanly(ways.lab, [url, '--socket', socket], 'DAEMON_UNREACHABLE')
    assert.ok(stderr.includes(socket), stderr)
  })

  it('suggests the option that it knows for one that it does not: USAGE', async () => {
    const { stderr } = await failsCleanly(ways.lab, [url, '--limt-rate', '3'], 'USAGE')
    assert.match(stderr, /--limt-rate\b.*--limit-rate/)
  })

  for (const [flag, value] of [
    ['--timeout', 'soon'],
    ['--limit-rate', 'fast'],
    ['--supernode', 'http://x/y'],
  ] as const) {
    it(`refuses ${flag} ${value}: CONFIG_INVALID`, async () => {
      const { stderr } = await failsCleanly(ways.lab, [url, flag, value], 'CONFIG_INVALID')
      assert.ok(stderr.includes(value), stderr)
    })
  }

  it('refuses an unknown name in a file or in the environment, with the nearest right one: CONFIG_INVALID', async () => {
    const file = ways.lab.path('wrong.yaml')
    await writeFile(file, 'limitRat: 3MB\n')
    const inFile = await failsCleanly(ways.lab, [url, '--config', file], 'CONFIG_INVALID')
    assert.match(inFile.stderr, /limitRat\b.*limitRate/)
    assert.ok(inFile.stderr.includes(file), inFile.stderr)
    const env = { DAMSELFLY_DFGET_LIMIT_RAT: '3MB' }
    const exit = await ways.lab.dfget([url, '-o', ways.lab.path('never')], { env }).exited
    assertFailure(exit, 'CONFIG_INVALID')
    assert.match(exit.stderr, /DAMSELFLY_DFGET_LIMIT_RAT\b.*DAMSELFLY_DFGET_LIMIT_RATE/)
  })

  for (const program of ['supernode', 'dfdaemon'] as const) {
    it(`leaves it to the ${program} to refuse its own unknown settings alike: CONFIG_INVALID`, async () => {
      const file = ways.lab.path(`${program}-wrong.yaml`)
      await writeFile(file, 'datadir: /nowhere\n')
      const exit = await ways.lab.own(program, ['--config', file]).exited
      assertFailure(exit, 'CONFIG_INVALID', 0, program)
      assert.match(exit.stderr, /datadir\b.*dataDir/)
      const option = await ways.lab.own(program, ['--data-dri', 'x']).exited
      assertFailure(option, 'USAGE', 0, program)
      assert.match(option.stderr, /--data-dri\b.*--data-dir/)
    })
  }
})
