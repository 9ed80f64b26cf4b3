import assert from 'node:assert/strict'
import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { createServer, type AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { text } from 'node:stream/consumers'

const MAIN = fileURLToPath(new URL('../src/main.ts', import.meta.url))

interface Ready {
  readonly ready: { readonly peerId: string; readonly management: readonly string[]; readonly adminTokenFile: string }
}

interface Ended {
  readonly code: number | null
  readonly stdout: string
  readonly stderr: string
}

describe('the program supernode', () => {
  let dataDir: string
  const running = new Set<ChildProcess>()

  beforeEach(async () => {
    dataDir = await mkdtemp(join(tmpdir(), 'damselfly-main-'))
  })

  afterEach(async () => {
    for (const child of running) child.kill('SIGKILL')
    await rm(dataDir, { recursive: true })
  })

  const launch = (args: readonly string[], env: Record<string, string> = {}) => {
    const child = spawn(process.execPath, ['--conditions=development', MAIN, ...args], {
      env: { PATH: process.env['PATH'], HOME: dataDir, DAMSELFLY_SUPERNODE_DATA_DIR: join(dataDir, 'data'), ...env },
      stdio: ['ignore', 'pipe', 'pipe'],
    })
    running.add(child)
    child.once('exit', () => running.delete(child))
    return child
  }

  const run = async (args: readonly string[], env: Record<string, string> = {}): Promise<Ended> => {
    const child = launch(args, env)
    const [stdout, stderr, [code]] = await Promise.all([text(child.stdout), text(child.stderr), once(child, 'exit')])
    return { code: code as number | null, stdout, stderr }
  }

  const anyPort = {
    DAMSELFLY_SUPERNODE_LISTEN_ADDRESSES: '127.0.0.1',
    DAMSELFLY_SUPERNODE_LISTEN_DIRECT_PORT: '0',
    DAMSELFLY_SUPERNODE_LISTEN_LIBP2P_PORT: '0',
    DAMSELFLY_SUPERNODE_MANAGEMENT_ADDRESSES: '127.0.0.1',
    DAMSELFLY_SUPERNODE_MANAGEMENT_PORT: '0',
  }

  it('says when it is ready, serves, and stops in good order on SIGTERM', async () => {
    const child = launch([], anyPort)
    const errors = text(child.stderr)
    const [line] = (await once(createInterface(child.stdout), 'line')) as [string]
    const { ready } = JSON.parse(line) as Ready
    const response = await fetch(`${ready.management[0]}/readyz`)
    assert.equal(response.status, 200)
    await response.body?.cancel()
    child.kill('SIGTERM')
    const [code] = (await once(child, 'exit')) as [number]
    assert.equal(code, 0)
    assert.match(await errors, /"msg":"stopped"/)
    await assert.rejects(fetch(`${ready.management[0]}/readyz`))
  })

  it('prints the configuration in force', async () => {
    const { code, stdout } = await run(['--print-config', '--listen', '0.0.0.0', '--listen', '::1'])
    assert.equal(code, 0)
    assert.match(stdout, /^dataDir: .*data$/m)
    assert.match(stdout, /- 0\.0\.0\.0\n\s+- ::1/)
  })

  it('explains a wrong setting in one line', async () => {
    const file = join(dataDir, 'supernode.yaml')
    await writeFile(file, 'listen:\n  directPrt: 1\n')
    const { code, stdout, stderr } = await run(['--config', file])
    assert.equal(code, 2)
    assert.equal(stdout, '')
    assert.match(stderr, /^supernode: .*listen\.directPrt.*directPort.*\[CONFIG_INVALID\]: .*\n$/)
  })

  it('refuses policies that are none before it starts, found beside the configuration file', async () => {
    const file = join(dataDir, 'supernode.yaml')
    await writeFile(file, 'scheduler: { policy: ./policies.ts }\n')
    await writeFile(join(dataDir, 'policies.ts'), 'export const createPolicies = (): object => ({ admission: { admits: 1 } })\n')
    const { code, stdout, stderr } = await run(['--config', file])
    assert.equal(code, 2)
    assert.equal(stdout, '')
    assert.match(stderr, /^supernode: policy \.\/policies\.ts: admission\.isSlow is missing, expected a function\n.*admits is a number.*\[CONFIG_INVALID\]: /)
  })

  it('refuses unknown flags with exit code 2', async () => {
    const { code, stderr } = await run(['--bogus'])
    assert.equal(code, 2)
    assert.match(stderr, /unknown option '--bogus'/)
  })

  it('tells its version', async () => {
    const { code, stdout } = await run(['--version'])
    assert.equal(code, 0)
    assert.match(stdout, /^\d+\.\d+\.\d+\n$/)
  })

  it('names the port that is taken and leaves with the code for it', async () => {
    const blocker = createServer().listen(0, '127.0.0.1')
    await once(blocker, 'listening')
    const { port } = blocker.address() as AddressInfo
    const { code, stderr } = await run([], { ...anyPort, DAMSELFLY_SUPERNODE_LISTEN_DIRECT_PORT: String(port) })
    blocker.close()
    assert.equal(code, 8)
    assert.match(stderr, new RegExp(`^supernode: .*${port}.*\\[ADDRESS_IN_USE\\]`, 'm'))
  })
})
