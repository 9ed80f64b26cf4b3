import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { networkInterfaces } from 'node:os'
import { generatedContent } from '@damselfly/cdn/testing'
import { digestOf, Lab } from '@damselfly/test'

const SIZE = 5 * 1024 ** 2 + 3
const ONLY_IPV6 = { addresses: ['::1'], directPort: 0, libp2pPort: 0, plainPort: 0 }

describe('a network with IPv6 alone', function () {
  this.timeout(120_000)
  let lab: Lab

  before(async function () {
    const addresses = Object.values(networkInterfaces()).flatMap((entries) => entries ?? [])
    if (!addresses.some(({ address }) => address === '::1')) return this.skip()
    lab = await Lab.create()
  })

  after(() => lab?.stop())

  it('is enough for origin, supernode, peers and every kind of dfget', async () => {
    const origin = await lab.faultOrigin({ host: '::1' })
    const url = origin.add('/file', { size: SIZE })
    const config = { listen: ONLY_IPV6, management: { addresses: ['::1'], port: 0 } }
    const supernode = await lab.supernode('supernode', { config })
    assert.match(supernode.address, /^\[::1\]:\d+$/)
    assert.match(supernode.url, /^http:\/\/\[::1\]:\d+$/)
    const settings = { supernodes: [supernode.address], config: { listen: ONLY_IPV6 } }
    const [first, second] = await Promise.all([lab.daemon('first', settings), lab.daemon('second', settings)])
    await lab.download(url, lab.path('first-out'), first).done()
    const done = await lab.download(url, lab.path('second-out'), second).done()
    assert.equal(done.bytesFrom.origin, 0)
    assert.ok(done.bytesFrom.peers > 0)

    const own = await lab.dfget([url, '-o', lab.path('own-out'), '--supernode', supernode.address]).exited
    assert.equal(own.code, 0, own.stderr)
    assert.doesNotMatch(own.stderr, /origin/)
    const alone = await lab.dfget([url, '-o', lab.path('alone-out'), '--no-daemon']).exited
    assert.equal(alone.code, 0, alone.stderr)

    const digest = createHash('sha256').update(generatedContent(SIZE)).digest('hex')
    for (const name of ['first', 'second', 'own', 'alone']) assert.equal(await digestOf(lab.path(`${name}-out`)), digest)
    const view = await supernode.get<{ peers: readonly { endpoints: readonly { host: string }[] }[] }>('/api/v1/peers')
    const hosts = view.peers.flatMap(({ endpoints }) => endpoints.map(({ host }) => host))
    assert.deepEqual([...new Set(hosts)], ['::1'])
  })
})
