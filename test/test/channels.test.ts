import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { generatedContent, type FaultOrigin } from '@damselfly/cdn/testing'
import { connectionsTo, digestOf, Lab, type Daemon, type Supernode } from '@damselfly/test'

const SIZE = 8 * 1024 ** 2 + 1

type Security = 'plain' | 'auto' | 'tls' | 'noise'
type Kind = 'plain' | 'direct' | 'libp2p'

interface PeerView {
  readonly peer: string
  readonly endpoints: readonly { readonly kind: Kind; readonly port: number }[]
}

/** What each side asks for, and what has to carry the pieces then. */
const cases: readonly { readonly supernode: Security; readonly peers: readonly [Security, Security]; readonly kind: Kind }[] = [
  { supernode: 'plain', peers: ['plain', 'plain'], kind: 'plain' },
  { supernode: 'auto', peers: ['auto', 'auto'], kind: 'plain' },
  { supernode: 'auto', peers: ['auto', 'tls'], kind: 'direct' },
  { supernode: 'tls', peers: ['plain', 'tls'], kind: 'direct' },
  { supernode: 'noise', peers: ['noise', 'noise'], kind: 'libp2p' },
  { supernode: 'plain', peers: ['plain', 'noise'], kind: 'libp2p' },
]

describe('pieces', function () {
  this.timeout(120_000)
  const digest = createHash('sha256').update(generatedContent(SIZE)).digest('hex')
  let lab: Lab
  let origin: FaultOrigin

  before(function () {
    // Only Linux tells here which connections there are.
    if (process.platform !== 'linux') this.skip()
  })

  beforeEach(async () => {
    lab = await Lab.create()
    origin = await lab.faultOrigin()
  })

  afterEach(() => lab?.stop())

  function start(name: string, supernode: Supernode, security: Security): Promise<Daemon> {
    const address = security === 'noise' ? supernode.libp2pAddress : supernode.address
    return lab.daemon(name, { supernodes: [address], config: { security } })
  }

  for (const { supernode: security, peers, kind } of cases) {
    it(`go over ${kind} lanes between a ${peers[0]} and a ${peers[1]} peer of a ${security} supernode`, async () => {
      const supernode = await lab.supernode('supernode', { config: { security } })
      const [parent, child] = await Promise.all([start('parent', supernode, peers[0]), start('child', supernode, peers[1])])
      const url = origin.add('/file', { size: SIZE })
      await lab.download(url, lab.path('first'), parent).done()
      const done = await lab.download(url, lab.path('second'), child).done()
      assert.equal(await digestOf(lab.path('second')), digest)
      assert.ok(done.bytesFrom.peers > 0)
      assert.equal(done.bytesFrom.peers + done.bytesFrom.cdn, SIZE)

      const view = await supernode.get<{ peers: readonly PeerView[] }>('/api/v1/peers')
      const endpoints = view.peers.find(({ peer }) => peer === parent.peerId)?.endpoints ?? []
      assert.ok(endpoints.some((endpoint) => endpoint.kind === kind))
      // Lanes stay open for a while after the last piece.
      for (const endpoint of endpoints) {
        assert.equal((await connectionsTo(endpoint.port)) > 0, endpoint.kind === kind, `${endpoint.kind} connections`)
      }
    })
  }
})
