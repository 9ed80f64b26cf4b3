import assert from 'node:assert/strict'
import { Daemon, digestOf, isInstalled, Lab, NGINX, readyLine, Supernode, writeRandomFile } from '@damselfly/test'

const SIZE = 3 * 1024 ** 2

describe('programs that take any port', () => {
  let lab: Lab

  before(async function () {
    if (!(await isInstalled(NGINX))) return this.skip()
    lab = await Lab.create()
  })

  after(() => lab?.stop())

  it('run beside others of their kind on one host, without a configuration, and find each other', async () => {
    const nginx = await lab.nginx()
    const digest = await writeRandomFile(`${nginx.root}/file`, SIZE, 1)
    const [{ address }] = await Promise.all(['supernode', 'another'].map(startSupernode)) as [Supernode, Supernode]
    const daemons = await Promise.all(['one', 'two'].map((name) => startDaemon(name, address)))
    for (const [i, daemon] of daemons.entries()) {
      await lab.download(nginx.url('file'), lab.path(`out-${i}`), daemon).done()
      assert.equal(await digestOf(lab.path(`out-${i}`)), digest)
    }
    assert.equal(await nginx.bodyBytes('file'), SIZE)
  })

  async function startSupernode(name: string): Promise<Supernode> {
    const dataDir = lab.path(name)
    const program = lab.own('supernode', ['--data-dir', dataDir, '--any-port'])
    return new Supernode(program, dataDir, await program.line(readyLine))
  }

  async function startDaemon(name: string, supernode: string): Promise<Daemon> {
    const [dataDir, socket] = [lab.path(name), lab.path(`${name}.sock`)]
    const program = lab.own('dfdaemon', ['--supernode', supernode, '--data-dir', dataDir, '--socket', socket, '--any-port'])
    return new Daemon(program, socket, dataDir, await program.line(readyLine))
  }
})
