import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { chmod, chown, mkdir, readdir, rm, writeFile } from 'node:fs/promises'
import { generatedContent, type FaultOrigin } from '@damselfly/cdn/testing'
import {
  assertFailure,
  canMount,
  createWaysLab,
  digestOf,
  failsCleanly,
  wayArguments,
  WAYS,
  type WaysLab,
} from '@damselfly/test'

const MIB = 1024 ** 2
const NOBODY = { uid: 65_534, gid: 65_534 }

describe('a disk', function () {
  this.timeout(120_000)
  let ways: WaysLab
  let origin: FaultOrigin
  let url: string

  before(async () => {
    ways = await createWaysLab()
    origin = await ways.lab.faultOrigin()
    url = origin.add('/file', { size: 6 * MIB })
  })

  after(() => ways.lab.stop())

  describe('that is full', () => {
    before(async function () {
      if (!(await canMount())) this.skip()
    })

    for (const way of WAYS) {
      it(`keeps no part of the output of a dfget ${way}: DISK_FULL`, async () => {
        const disk = await ways.lab.smallDisk(`full-${WAYS.indexOf(way)}`, 3 * MIB)
        await writeFile(`${disk.path}/out`, 'what was there before')
        const exit = await ways.lab.dfget([url, '-o', `${disk.path}/out`, ...wayArguments(ways, way)]).exited
        assertFailure(exit, 'DISK_FULL')
        assert.deepEqual(await readdir(disk.path), ['out'])
        await rm(`${disk.path}/out`)
        assertFailure(await ways.lab.dfget([url, '-o', `${disk.path}/new`, ...wayArguments(ways, way)]).exited, 'DISK_FULL')
        assert.deepEqual(await readdir(disk.path), [])
      })
    }

    for (const way of ['alone', 'with a peer of its own'] as const) {
      it(`fails a dfget ${way} that keeps its data there, which continues once there is room: DISK_FULL`, async () => {
        const disk = await ways.lab.smallDisk(`data-${WAYS.indexOf(way)}`, 12 * MIB)
        await writeFile(`${disk.path}/ballast`, Buffer.alloc(8 * MIB))
        const args = [url, ...wayArguments(ways, way), '--data-dir', disk.path]
        await failsCleanly(ways.lab, args, 'DISK_FULL', { existing: true })
        await rm(`${disk.path}/ballast`)
        const exit = await ways.lab.dfget([...args, '-o', ways.lab.path('continued')]).exited
        assert.equal(exit.code, 0, exit.stderr)
        assert.match(exit.stderr, /% from this disk/)
      })
    }

    it('fails a download of the dfdaemon that keeps its data there, and not the dfdaemon: DISK_FULL', async () => {
      const disk = await ways.lab.smallDisk('daemon-data', 12 * MIB)
      await writeFile(`${disk.path}/ballast`, Buffer.alloc(8 * MIB))
      const supernodes = [ways.supernode.address]
      const daemon = await ways.lab.daemon('on-small-disk', { supernodes, config: { dataDir: `${disk.path}/data` } })
      const args = [url, '--socket', daemon.socket]
      await failsCleanly(ways.lab, args, 'DISK_FULL', { existing: true })
      await rm(`${disk.path}/ballast`)
      const exit = await ways.lab.dfget([...args, '-o', ways.lab.path('daemon-continued')]).exited
      assert.equal(exit.code, 0, exit.stderr)
      await daemon.program.stop()
    })
  })

  it('without the folder of the output: DISK_FAILED', async () => {
    const output = ways.lab.path('no-such-folder', 'out')
    const exits = await Promise.all(
      WAYS.map((way) => ways.lab.dfget([url, '-o', output, ...wayArguments(ways, way)]).exited),
    )
    for (const exit of exits) {
      assertFailure(exit, 'DISK_FAILED')
      assert.match(exit.stderr, /no-such-folder/)
    }
  })

  it('with a folder at the place of the output: DISK_FAILED', async () => {
    const output = ways.lab.path('a-folder')
    await mkdir(output)
    assertFailure(await ways.lab.dfget([url, '-o', output, ...wayArguments(ways, 'alone')]).exited, 'DISK_FAILED')
    assert.deepEqual(await readdir(output), [])
  })

  it('that the user may not write to: DISK_DENIED', async function () {
    if (process.getuid?.() !== 0) this.skip()
    const { lab, daemon } = ways
    const [home, folder, existing] = [lab.path('nobody'), lab.path('root-only'), lab.path('root-only', 'existing')]
    await mkdir(home)
    await chown(home, NOBODY.uid, NOBODY.gid)
    await mkdir(folder, { mode: 0o755 })
    await writeFile(existing, 'what was there before', { mode: 0o644 })
    // A daemon that serves everybody, as its group would.
    await chmod(daemon.socket, 0o666)
    const settings = { user: NOBODY, env: { HOME: home } }
    const data = ['--data-dir', `${home}/data`]
    const runs = WAYS.flatMap((way) =>
      [existing, `${folder}/new`].map(async (output) => {
        const args = [url, '-o', output, ...wayArguments(ways, way), ...data]
        assertFailure(await lab.dfget(args, settings).exited, 'DISK_DENIED')
      }),
    )
    await Promise.all(runs)
    assert.deepEqual(await readdir(folder), ['existing'])

    const exit = await lab.dfget([url, '-o', `${home}/out`, '--socket', daemon.socket], settings).exited
    assert.equal(exit.code, 0, exit.stderr)
    await chmod(daemon.socket, 0o660)
    assertFailure(await lab.dfget([url, '-o', `${home}/other`, '--socket', daemon.socket], settings).exited, 'DAEMON_UNREACHABLE')
  })

  it('whose data another process uses: STORE_LOCKED', async () => {
    const { lab, daemon } = ways
    const second = lab.own('dfdaemon', ['--data-dir', daemon.dataDir, '--socket', lab.path('second.sock')])
    assertFailure(await second.exited, 'STORE_LOCKED', 0, 'dfdaemon')
    const output = lab.path('still-served')
    await lab.download(url, output, daemon).done()
    assert.equal(await digestOf(output), createHash('sha256').update(generatedContent(6 * MIB)).digest('hex'))
  })
})
