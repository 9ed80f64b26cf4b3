import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { writeFile } from 'node:fs/promises'
import { networkInterfaces } from 'node:os'
import { generatedContent, type FaultOrigin } from '@damselfly/cdn/testing'
import { digestOf, failsCleanly, Lab } from '@damselfly/test'

const SIZE = 3 * 1024 ** 2

describe('an origin at a private address', function () {
  this.timeout(120_000)
  let lab: Lab
  let origin: FaultOrigin

  before(async () => {
    lab = await Lab.create()
    origin = await lab.faultOrigin()
  })

  after(() => lab.stop())

  it('is left to the peer that names it by a supernode that may not go there', async () => {
    const url = origin.add('/file', { size: SIZE })
    const supernode = await lab.supernode('careful', { config: { origins: { private: 'deny' } } })
    const daemon = await lab.daemon('trusting', { supernodes: [supernode.address] })
    const done = await lab.download(url, lab.path('out'), daemon).done()
    assert.equal(await digestOf(lab.path('out')), createHash('sha256').update(generatedContent(SIZE)).digest('hex'))
    assert.equal(done.backToSource, 'supernode-refused')
    assert.equal(done.bytesFrom.origin, SIZE)
    assert.equal(origin.stats('/file').bodyBytes, SIZE)

    const denying = await lab.daemon('denying', {
      supernodes: [supernode.address],
      config: { origins: { private: 'deny' } },
    })
    await failsCleanly(lab, [origin.add('/denied', { size: SIZE }), '--socket', denying.socket], 'ORIGIN_FORBIDDEN')
    assert.equal(origin.stats('/denied').gets + origin.stats('/denied').heads, 0)
  })

  it('is not reached by a redirect from elsewhere, unless it is allowed', async function () {
    const addresses = Object.values(networkInterfaces()).flatMap((entries) => entries ?? [])
    if (!addresses.some(({ address }) => address === '::1')) return this.skip()
    const inner = await lab.faultOrigin({ host: '::1' })
    const url = origin.add('/outside', { redirectTo: inner.add('/inside', { size: SIZE }) })
    const { stderr } = await failsCleanly(lab, [url, '--no-daemon'], 'ORIGIN_FORBIDDEN')
    assert.match(stderr, /::1/)
    assert.equal(inner.stats('/inside').gets + inner.stats('/inside').heads, 0)

    const config = lab.path('dfget.yaml')
    await writeFile(config, 'origins:\n  allow: ["::1"]\n')
    const exit = await lab.dfget([url, '-o', lab.path('allowed'), '--no-daemon', '--config', config]).exited
    assert.equal(exit.code, 0, exit.stderr)
  })
})
