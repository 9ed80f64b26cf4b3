import assert from 'node:assert/strict'
import { execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFile, rm, writeFile } from 'node:fs/promises'
import { promisify } from 'node:util'
import { canMount, Lab, isInstalled, NGINX, whyNoNetwork, type LabHost, type LabNetwork } from '@damselfly/test'

const run = promisify(execFile)
const MIB = 1024 * 1024

describe('a network of a lab', () => {
  let lab: Lab

  before(async function () {
    if ((await whyNoNetwork()) !== undefined || !(await isInstalled(NGINX))) this.skip()
    lab = await Lab.create()
  })

  after(async () => lab?.stop())

  it('joins its hosts by lines that are no faster than told, and leaves nothing behind', async () => {
    const rate = 40_000_000
    const network = await lab.network({ hosts: 2, rate })
    const nginx = await lab.nginx({ network })
    await writeFile(`${nginx.root}/file`, Buffer.alloc(2 * MIB, 1))
    const [source, sink] = network.hosts as readonly [LabHost, LabHost]
    const started = performance.now()
    const program = lab.program('fetch', 'curl', ['-sSf', '-o', lab.path('copy'), `http://${source.address}:${nginx.port}/file`], {
      enter: sink.enter,
    })
    const { code, stderr } = await program.exited
    assert.equal(code, 0, stderr)
    const seconds = (performance.now() - started) / 1000
    // A line that was idle sends a little at once.
    assert.ok(seconds > (8 * 1.8 * MIB) / rate, `${seconds} s`)
    await lab.stop()
    assert.deepEqual(await namespacesLeftOf(network), [])
  })

  it('leaves nothing behind either where a disk cannot be unmounted, and says so', async function () {
    if (!(await canMount())) this.skip()
    const busy = await Lab.create()
    const network = await busy.network({ hosts: 2, rate: 40_000_000 })
    const { path } = await busy.smallDisk('disk', MIB)
    const user = spawn('sleep', ['600'], { cwd: path, stdio: 'ignore' })
    try {
      await once(user, 'spawn')
      await assert.rejects(busy.stop(), /the lab left something: .*umount/s)
      assert.deepEqual(await namespacesLeftOf(network), [])
      assert.doesNotMatch(await readFile('/proc/self/mounts', 'utf8'), new RegExp(path))
    } finally {
      user.kill('SIGKILL')
      await rm(busy.directory, { recursive: true, force: true })
    }
  })
})

async function namespacesLeftOf(network: LabNetwork): Promise<readonly string[]> {
  const { stdout } = await run('ip', ['netns', 'list'])
  const names = network.hosts.flatMap(({ enter }) => enter).map((word) => word.split('/').at(-1) ?? '')
  return names.filter((name) => stdout.split(/\s+/).includes(name))
}
