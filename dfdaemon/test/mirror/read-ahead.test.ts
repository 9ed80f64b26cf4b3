import assert from 'node:assert/strict'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { deriveTaskId, formatDigest, sha256, VirtualClock } from '@damselfly/shared'
import { silentLogger } from '@damselfly/shared/logging'
import type { WantedContent } from '../../src/mirror/opened-content.ts'
import { ReadAhead } from '../../src/mirror/read-ahead.ts'
import { FakePeer, type FakeDownload } from '../../src/testing/index.ts'

const REPOSITORY = 'oci://registry.test/app'
const layers = ['first', 'second', 'third', 'fourth'].map((text) => Buffer.from(text))
const wanted = layers.map((bytes): WantedContent => {
  const digest = sha256(bytes)
  return { url: `${REPOSITORY}@${formatDigest(digest)}`, digest, headers: [['authorization', 'Bearer mine']] }
})
const [first, second, third] = wanted as [WantedContent, WantedContent, WantedContent, WantedContent]
const manifest = Buffer.from(JSON.stringify({ config: { digest: formatDigest(sha256(Buffer.from('config'))) }, layers: wanted.map(({ digest }) => ({ digest: formatDigest(digest) })) }))

describe('reading layers ahead', () => {
  let directory: string
  let peer: FakePeer
  let clock: VirtualClock
  /** Ends what holds the pieces back. */
  let go: () => void

  function start(most = 2): ReadAhead {
    const held = Promise.withResolvers<void>()
    go = held.resolve
    peer = new FakePeer({ dataDir: directory, contents: Object.fromEntries(wanted.map(({ url }, i) => [url, { bytes: layers[i] ?? Buffer.alloc(0) }])), beforePiece: () => held.promise })
    const ahead = new ReadAhead({ peer, layers: most, clock, logger: silentLogger() })
    ahead.learn({ url: `${REPOSITORY}@${formatDigest(sha256(manifest))}` }, manifest)
    return ahead
  }

  const fetched = (): readonly string[] => peer.requests.map(({ url }) => url)
  /** They begin in any order. */
  const downloadOf = ({ url }: WantedContent): FakeDownload | undefined => {
    const request = peer.requests.find((asked) => asked.url === url)
    return peer.downloads.find(({ taskId }) => request !== undefined && taskId === deriveTaskId({ ...request, headers: undefined }))
  }
  const released = (): readonly boolean[] => peer.downloads.map((download) => download.released)
  /** Until as many downloads run. */
  const begun = async (count: number): Promise<void> => {
    while (peer.downloads.length < count) await new Promise(setImmediate)
  }
  const allReleased = async (): Promise<unknown> => Promise.all(peer.downloads.map((download) => download.whenReleased()))

  beforeEach(async () => {
    directory = await mkdtemp(join(tmpdir(), 'damselfly-ahead-'))
    clock = new VirtualClock()
  })

  afterEach(async () => {
    go()
    await peer.stop()
    await rm(directory, { recursive: true })
  })

  it('fetches those that come next, as the client would and in the background', () => {
    start().follow(first, false)
    assert.deepEqual(fetched(), [second.url, third.url])
    assert.deepEqual(peer.requests[0]?.headers, first.headers)
    assert.equal(peer.requests[0]?.priority, 'background')
  })

  it('fetches none twice, and the next one when the client comes to what it fetched', async () => {
    const ahead = start()
    ahead.follow(first, false)
    await begun(2)
    go()
    await allReleased()
    ahead.follow(second, true)
    assert.deepEqual(fetched(), wanted.slice(1).map(({ url }) => url))
  })

  it('fetches nothing for a client whose layers are here already', () => {
    start().follow(first, true)
    assert.deepEqual(fetched(), [])
  })

  it('fetches nothing where it is told so', () => {
    start(0).follow(first, false)
    assert.deepEqual(fetched(), [])
  })

  it('gives up what only a client wanted that has gone away', async () => {
    const over = start().follow(first, false)
    await begun(2)
    over(false)
    await allReleased()
  })

  it('gives up in time what a client that got its layer does not come to', async () => {
    const over = start().follow(first, false)
    await begun(2)
    clock.advance(60_000)
    over(true)
    clock.advance(9_999)
    assert.deepEqual(released(), [false, false])
    clock.advance(1)
    await allReleased()
  })

  it('leaves a layer to the client that asks for it', async () => {
    const ahead = start()
    ahead.follow(first, false)
    await begun(2)
    ahead.follow(second, false)
    await begun(3)
    await downloadOf(second)?.whenReleased()
    assert.equal(released().filter(Boolean).length, 1)
  })

  it('gives everything up when it stops', async () => {
    const ahead = start()
    ahead.follow(first, false)
    await begun(2)
    ahead.stop()
    await allReleased()
  })

  it('takes what is no manifest of an image for one without layers', () => {
    const ahead = start()
    for (const text of ['', '{', '[]', '{"layers":[{"digest":"sha256:0"},{}]}', '{"manifests":[]}']) ahead.learn(first, Buffer.from(text))
    ahead.follow({ ...first, url: 'oci://registry.test/other@sha256:0' }, false)
    assert.deepEqual(fetched(), [])
  })
})
