import assert from 'node:assert/strict'
import { spawn, type ChildProcessByStdio } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, readdir, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Readable } from 'node:stream'
import { text } from 'node:stream/consumers'
import { fileURLToPath } from 'node:url'
import { connectDaemon } from '../src/api/client.ts'

const MAIN = fileURLToPath(new URL('../src/main.ts', import.meta.url))

const ANY_PORT = {
  DAMSELFLY_DFDAEMON_LISTEN_DIRECT_PORT: '0',
  DAMSELFLY_DFDAEMON_LISTEN_LIBP2P_PORT: '0',
  DAMSELFLY_DFDAEMON_MIRROR_PORT: '0',
}

type Child = ChildProcessByStdio<null, Readable, Readable>

describe('dfdaemon as a process', () => {
  let directory = ''
  const children = new Set<Child>()

  beforeEach(async () => {
    directory = await mkdtemp(join(tmpdir(), 'damselfly-daemon-'))
  })
  afterEach(async () => {
    for (const child of children) if (child.exitCode === null && child.kill('SIGKILL')) await once(child, 'exit')
    children.clear()
    await rm(directory, { recursive: true })
  })

  const start = (...args: readonly string[]): Child => {
    const inherited = Object.entries(process.env).filter(([name]) => !/^(DAMSELFLY|XDG)_/.test(name))
    const child = spawn(process.execPath, ['--conditions=development', MAIN, '--data-dir', directory, ...args], {
      env: { ...Object.fromEntries(inherited), ...ANY_PORT, HOME: directory, XDG_CONFIG_HOME: directory },
      stdio: ['ignore', 'pipe', 'pipe'],
    })
    children.add(child)
    return child
  }
  const socket = (name = 's'): string[] => ['--socket', join(directory, name)]
  const end = async (child: Child): Promise<{ readonly code: unknown; readonly stderr: string }> => {
    const [stderr, [code]] = await Promise.all([text(child.stderr), once(child, 'close')])
    return { code, stderr }
  }
  const ready = async (child: Child): Promise<Record<string, unknown>> => {
    const early = once(child, 'exit').then(([code]) => Promise.reject(new Error(`it ended with ${code}`)))
    early.catch(() => undefined)
    const [line] = (await Promise.race([once(child.stdout, 'data'), early])) as [Buffer]
    return JSON.parse(line.toString()).ready
  }

  it('says when it is ready, serves, and stops on SIGTERM leaving no socket', async () => {
    const child = start(...socket())
    const ended = end(child)
    const { socket: path, dataDir, pid } = await ready(child)
    assert.deepEqual([path, dataDir, pid], [join(directory, 's'), directory, child.pid])
    const client = await connectDaemon(String(path))
    assert.deepEqual((await client.status()).supernode, { type: 'none' })
    client.close()
    child.kill('SIGTERM')
    assert.equal((await ended).code, 0)
    await assert.rejects(stat(String(path)), { code: 'ENOENT' })
  })

  it('refuses a data directory or a socket that another one uses, in one line', async () => {
    const child = start(...socket())
    await ready(child)
    const locked = await end(start(...socket('other')))
    assert.equal(locked.code, 6)
    assert.match(locked.stderr, /^dfdaemon: .*\[STORE_LOCKED\]: .*\n$/)
    const taken = await end(start('--data-dir', join(directory, 'b'), ...socket()))
    assert.equal(taken.code, 8)
    assert.match(taken.stderr, /^dfdaemon: .*\[ADDRESS_IN_USE\]: .*\n$/)
  })

  it('starts again after it was killed', async () => {
    const killed = start(...socket())
    await ready(killed)
    killed.kill('SIGKILL')
    await once(killed, 'exit')
    assert.ok((await readdir(directory)).includes('s'))
    await ready(start(...socket()))
  })

  it('names what is wrong with its configuration', async () => {
    const config = join(directory, 'bad.yaml')
    await writeFile(config, 'uploadSlot: 3\n')
    const { code, stderr } = await end(start('--config', config))
    assert.equal(code, 2)
    assert.match(stderr, /^dfdaemon: uploadSlot \(.*bad\.yaml:1\).*uploadSlots.*\[CONFIG_INVALID\]/)
  })

  it('prints the configuration in force', async () => {
    const child = start('--print-config', '--supernode', '[::1]:65000')
    const printed = await text(child.stdout)
    assert.match(printed, /supernodes:\n {2}- "?\[::1\]:65000/)
    assert.match(printed, new RegExp(`^dataDir: ${directory}$`, 'm'))
  })

  it('works without its supernode', async () => {
    const child = start(...socket(), '--supernode', '127.0.0.1:1', '--log-level', 'silent')
    await ready(child)
    const client = await connectDaemon(join(directory, 's'))
    assert.equal((await client.status()).supernode.type, 'disconnected')
    client.close()
  })
})
