import assert from 'node:assert/strict'
import { digestOf, isInstalled, Lab, NGINX, writeRandomFile, type Nginx, until } from '@damselfly/test'

const MIB = 1024 ** 2
const SIZE = 96 * MIB

describe('a program that is frozen, so that its connections stand but nothing comes', function () {
  this.timeout(120_000)
  let lab: Lab
  let nginx: Nginx
  let digest: string

  beforeEach(async function () {
    if (!(await isInstalled(NGINX))) return this.skip()
    lab = await Lab.create()
    nginx = await lab.nginx({ rate: 24 * MIB })
    digest = await writeRandomFile(`${nginx.root}/file`, SIZE, 11)
  })

  afterEach(() => lab?.stop())

  it('is given up by its peers when it is the supernode, and by the supernode when it is a peer', async () => {
    const supernode = await lab.supernode()
    const [peer, other] = [
      await lab.daemon('peer', { supernodes: [supernode.address] }),
      await lab.daemon('other', { supernodes: [supernode.address] }),
    ]
    const peers = (): Promise<number> => supernode.metric('damselfly_supernode_peers')
    await until(async () => (await peers()) === 2)
    other.program.kill('SIGSTOP')
    await until(async () => (await peers()) === 1)
    other.program.kill('SIGCONT')
    await until(async () => (await peers()) === 2)

    const download = lab.download(nginx.url('file'), lab.path('out'), peer)
    await download.reached(SIZE / 4)
    supernode.program.kill('SIGSTOP')
    const frozenAt = Date.now()
    const done = await download.done()
    assert.equal(await digestOf(lab.path('out')), digest)
    assert.ok(done.bytesFrom.origin > 0)
    assert.ok(Date.now() - frozenAt < 40_000)
    supernode.program.kill('SIGCONT')
  })
})
