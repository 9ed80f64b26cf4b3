import assert from 'node:assert/strict'
import { once } from 'node:events'
import { mkdir, readdir, readFile, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { createFaultOrigin, generatedContent, type FaultOrigin } from '@damselfly/cdn/testing'
import { formatDigest, sha256 } from '@damselfly/shared'
import { Home } from './program.ts'
import { useTempDir } from './temp-dir.ts'

const MIB = 1024 * 1024
const SIZE = 20 * MIB + 17
const content = generatedContent(SIZE)

describe('dfget as a process', () => {
  const directory = useTempDir()
  let origin: FaultOrigin
  let home: Home

  beforeEach(async () => {
    origin = await createFaultOrigin()
    home = new Home(directory.path)
    await home.make()
  })
  afterEach(async () => {
    await home.killAll()
    await origin.close()
  })

  /** Without a diff, which takes minutes for this many bytes. */
  const assertContent = async (name: string, expected: Uint8Array): Promise<void> => {
    const found = await readFile(join(home.output, name))
    assert.ok(found.equals(expected), `${name} is another content of ${found.length} bytes`)
  }
  const outputs = (): Promise<string[]> => readdir(home.output)
  const stores = (): Promise<string[]> => readdir(join(home.path, '.cache/damselfly/dfget'))

  describe('with a peer of its own', () => {
    it('downloads to a file named after the URL, and leaves nothing else', async () => {
      const url = origin.add('/dir/file.bin', { size: SIZE })
      const { code, stdout, stderr } = await home.dfget(`${url}?sig=1`)
      assert.equal(stderr.replace(/in .*s \(.*\)/, 'in T (S)'), 'file.bin: 20.0 MiB in T (S), 100% from origin\n')
      assert.deepEqual([code, stdout], [0, ''])
      await assertContent('file.bin', content)
      await writeFile(directory.file('usual'), '')
      assert.equal((await stat(join(home.output, 'file.bin'))).mode, (await stat(directory.file('usual'))).mode)
      assert.deepEqual([await outputs(), await stores()], [['file.bin'], []])
      assert.equal(origin.stats('/dir/file.bin').bodyBytes, SIZE)
    })

    for (const [what, served] of Object.entries({
      'an empty content': { size: 0 },
      'one byte': { size: 1 },
      'an unknown length': { size: 5 * MIB + 1, chunked: true },
      'an origin without ranges': { size: 5 * MIB + 1, ranges: false },
    })) {
      it(`downloads ${what}`, async () => {
        const { code, stderr } = await home.dfget(origin.add('/x', served), '-o', 'x')
        assert.equal(code, 0, stderr)
        await assertContent('x', generatedContent(served.size))
      })
    }

    it('shows the content in order while it downloads', async () => {
      const url = origin.add('/x', { size: SIZE, pauseAfter: 2 * MIB, ranges: false })
      const { child, ended } = home.start(url, '-o', '-')
      await once(child.stdout, 'data')
      origin.resume('/x')
      const { code, stdout } = await ended
      assert.equal(code, 0)
      assert.ok(Buffer.from(stdout, 'latin1').equals(content))
    })

    it('ends quietly when the reader of its output goes away', async () => {
      const { child, ended } = home.start(origin.add('/x', { size: SIZE }), '-o', '-')
      await once(child.stdout, 'data')
      child.stdout.destroy()
      const { code, stderr } = await ended
      assert.deepEqual([code, stderr], [0, ''])
    })

    it('reports as lines of JSON', async () => {
      const url = origin.add('/x', { size: SIZE })
      const { stdout, stderr } = await home.dfget(url, '-o', 'x', '--json', '--digest', formatDigest(sha256(content)))
      const events = stdout.trimEnd().split('\n').map((line): Record<string, unknown> => JSON.parse(line))
      assert.equal(stderr, '')
      assert.equal(events.at(-1)?.['type'], 'done')
      assert.equal(events.at(-1)?.['digest'], formatDigest(sha256(content)))
    })

    it('downloads a range', async () => {
      const { code } = await home.dfget(origin.add('/x', { size: SIZE }), '-o', 'x', '--range', '1000-2000999', '-q')
      assert.equal(code, 0)
      await assertContent('x', content.subarray(1000, 2_001_000))
    })

    it('works without an unreachable supernode, and says so once', async () => {
      const { code, stderr } = await home.dfget(origin.add('/x', { size: SIZE }), '-o', 'x', '--supernode', '127.0.0.1:1')
      assert.equal(code, 0)
      assert.equal(stderr.match(/supernode cannot be reached/g)?.length, 1)
      await assertContent('x', content)
    })

    it('downloads one content twice at once', async () => {
      const url = origin.add('/x', { size: SIZE, pauseAfter: MIB, ranges: false })
      const first = home.start(url, '-o', 'a')
      await origin.when('/x', ({ bodyBytes }) => bodyBytes >= MIB)
      const second = home.start(url, '-o', 'b')
      await origin.when('/x', ({ bodyBytes }) => bodyBytes >= 2 * MIB)
      origin.resume('/x')
      assert.deepEqual([(await first.ended).code, (await second.ended).code], [0, 0])
      await assertContent('a', content)
      await assertContent('b', content)
      assert.deepEqual(await stores(), [])
    })

    for (const [signal, expected] of [['SIGINT', 130], ['SIGTERM', 130], ['SIGKILL', undefined]] as const) {
      it(`continues after ${signal} where it stopped`, async () => {
        const url = origin.add('/x', { size: SIZE, pauseAfter: 8 * MIB })
        const { child, ended } = home.start(url, '-o', 'x', '--json')
        await verified(child.stdout, 4 * MIB)
        child.kill(signal)
        assert.equal((await ended).code, expected)
        assert.deepEqual(await outputs(), [])

        const before = origin.stats('/x').bodyBytes
        origin.add('/x', { size: SIZE })
        const { code, stderr } = await home.dfget(url, '-o', 'x')
        assert.equal(code, 0, stderr)
        assert.match(stderr, /from this disk/)
        assert.ok(origin.stats('/x').bodyBytes - before <= SIZE - 4 * MIB)
        await assertContent('x', content)
        assert.deepEqual(await stores(), [])
      })
    }

    for (const [what, served, args, code, exit] of [
      ['what the origin does not have', { status: 404 }, [], 'ORIGIN_NOT_FOUND', 3],
      ['what the origin does not give', { size: 9, requireHeader: ['authorization', 'Bearer x'] }, [], 'ORIGIN_UNAUTHORIZED', 3],
      ['another content than asked for', { size: 9 }, ['--digest', `sha256:${'0'.repeat(64)}`], 'DIGEST_MISMATCH', 5],
      ['a content that does not come in time', { size: SIZE, pauseAfter: MIB }, ['--timeout', '700ms'], 'TIMEOUT', 7],
    ] as const) {
      it(`ends in one line, without a file, at ${what}`, async () => {
        const { code: exitCode, stdout, stderr } = await home.dfget(origin.add('/x', served), '-o', 'x', ...args)
        assert.match(stderr, new RegExp(String.raw`^dfget: .* \[${code}\]: .*\n$`))
        assert.deepEqual([exitCode, stdout], [exit, ''])
        assert.deepEqual(await outputs(), [])
      })
    }

    it('gives credentials to the origin', async () => {
      const url = origin.add('/x', { size: 9, requireHeader: ['authorization', 'Bearer x'] })
      assert.equal((await home.dfget(url, '-o', 'x', '--header', 'Authorization: Bearer x')).code, 0)
    })

    it('asks no origin for what could not be written', async () => {
      const url = origin.add('/x', { size: SIZE })
      await mkdir(join(home.output, 'taken'))
      for (const path of ['no/such/dir', 'taken']) {
        const { code, stderr } = await home.dfget(url, '-o', path)
        assert.equal(code, 6, stderr)
      }
      assert.deepEqual([origin.stats('/x').gets, origin.stats('/x').heads], [0, 0])
    })
  })

  describe('with dfdaemon', () => {
    it('lets the daemon download once for all', async () => {
      const { socket } = await home.daemon()
      const url = origin.add('/x', { size: SIZE })
      for (const name of ['a', 'b']) {
        const { code, stderr } = await home.dfget(url, '-o', name, '--socket', socket)
        assert.equal(code, 0, stderr)
        await assertContent(name, content)
      }
      assert.equal(origin.stats('/x').bodyBytes, SIZE)
    })

    for (const [how, edit] of [
      ['replaced', (path: string) => writeFile(path, 'edited')],
      ['edited in place', (path: string) => writeFile(path, 'edited', { flag: 'r+' })],
    ] as const) {
      it(`never gives out as the content what somebody ${how} in an earlier output`, async () => {
        const { socket } = await home.daemon()
        const url = origin.add('/x', { size: SIZE })
        await home.dfget(url, '-o', 'a', '--socket', socket)
        await edit(join(home.output, 'a'))
        const { code, stderr } = await home.dfget(url, '-o', 'b', '--socket', socket)
        assert.equal(code, 0, stderr)
        await assertContent('b', content)
      })
    }

    it('shows the content in order while the daemon downloads', async () => {
      const { socket } = await home.daemon()
      const url = origin.add('/x', { size: SIZE, pauseAfter: 2 * MIB, ranges: false })
      const { child, ended } = home.start(url, '-o', '-', '--socket', socket)
      await once(child.stdout, 'data')
      origin.resume('/x')
      const { code, stdout } = await ended
      assert.equal(code, 0)
      assert.ok(Buffer.from(stdout, 'latin1').equals(content))
    })

    it('stops the download when it is interrupted, and continues it later', async () => {
      const { socket } = await home.daemon()
      const url = origin.add('/x', { size: SIZE, pauseAfter: 8 * MIB })
      const { child, ended } = home.start(url, '-o', 'x', '--json', '--socket', socket)
      await verified(child.stdout, 4 * MIB)
      child.kill('SIGINT')
      assert.equal((await ended).code, 130)
      await origin.when('/x', ({ open }) => open === 0)
      origin.add('/x', { size: SIZE })
      const { code, stderr } = await home.dfget(url, '-o', 'x', '--socket', socket)
      assert.equal(code, 0, stderr)
      assert.match(stderr, /from this disk/)
      await assertContent('x', content)
    })

    it('says what the daemon says', async () => {
      const { socket } = await home.daemon()
      const { code, stderr } = await home.dfget(origin.add('/x', { status: 404 }), '-o', 'x', '--socket', socket)
      assert.equal(code, 3)
      assert.match(stderr, /^dfget: .*404 \[ORIGIN_NOT_FOUND\]/)
    })

    it('leaves no file when the daemon is killed, and continues with the next one', async () => {
      const { socket, child: daemon, ended: daemonEnded } = await home.daemon()
      const url = origin.add('/x', { size: SIZE, pauseAfter: 8 * MIB })
      const { child, ended } = home.start(url, '-o', 'x', '--json', '--socket', socket)
      await verified(child.stdout, 4 * MIB)
      daemon.kill('SIGKILL')
      await daemonEnded
      assert.equal((await ended).code, 8)
      assert.deepEqual(await outputs(), [])

      origin.add('/x', { size: SIZE })
      await home.daemon()
      const before = origin.stats('/x').bodyBytes
      assert.equal((await home.dfget(url, '-o', 'x', '--socket', socket)).code, 0)
      await assertContent('x', content)
      assert.ok(origin.stats('/x').bodyBytes - before <= SIZE - 4 * MIB)
    })

    it('insists on a socket that is named', async () => {
      const { code, stderr } = await home.dfget('http://127.0.0.1:1/x', '-o', 'x', '--socket', join(home.path, 'none.sock'))
      assert.equal(code, 8)
      assert.match(stderr, /\[DAEMON_UNREACHABLE\]/)
    })
  })
})

/** Resolves when the reports tell of so many verified bytes. */
function verified(stdout: NodeJS.ReadableStream, bytes: number): Promise<void> {
  return new Promise((resolve) => {
    const look = (part: string | Buffer): void => {
      const seen = [...String(part).matchAll(/"verifiedBytes":(\d+)/g)].map(([, count]) => Number(count))
      if (Math.max(0, ...seen) < bytes) return
      stdout.off('data', look)
      resolve()
    }
    stdout.on('data', look)
  })
}
