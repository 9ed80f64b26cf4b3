import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import { pipeline } from 'node:stream/promises'
import { generatedContent, type FaultOrigin } from '@damselfly/cdn/testing'
import { MIN_PIECE_SIZE } from '@damselfly/shared'
import { digestOf, falsify, Lab, storedFiles, until, type Daemon, type Supernode } from '@damselfly/test'

const PIECES = 12
const SIZE = PIECES * MIN_PIECE_SIZE

interface Blocklist {
  readonly entries: readonly { readonly parent: string; readonly child: string | null; readonly reason: string }[]
}

describe('a parent that sends wrong bytes', function () {
  this.timeout(120_000)
  let lab: Lab
  let origin: FaultOrigin
  let supernode: Supernode
  let liar: Daemon
  let child: Daemon
  const digest = createHash('sha256').update(generatedContent(SIZE)).digest('hex')

  before(async () => {
    lab = await Lab.create()
    origin = await lab.faultOrigin()
    supernode = await lab.supernode()
    const supernodes = [supernode.address]
    liar = await lab.daemon('liar', { supernodes })
    child = await lab.daemon('child', { supernodes })
  })

  after(() => lab.stop())

  it('is found out: nothing of them is stored or shown, the pair is blocklisted, and the download finishes', async () => {
    const url = origin.add('/file', { size: SIZE })
    await lab.download(url, lab.path('true'), liar).done()
    // The store's file may be the output's too.
    await rm(lab.path('true'))
    await falsify(await storedFile(liar))

    const streaming = lab.dfget([url, '-o', '-', '--quiet', '--socket', child.socket], { rawOutput: true })
    const shown = createHash('sha256')
    await pipeline(streaming.output, shown)
    const { code, stderr } = await streaming.exited
    assert.equal(code, 0, stderr)
    assert.equal(shown.digest('hex'), digest)
    assert.equal(await digestOf(await storedFile(child)), digest)

    const { entries } = await supernode.get<Blocklist>('/api/v1/blocklist')
    const pair = entries.find((entry) => entry.parent === liar.peerId && entry.child === child.peerId)
    assert.equal(pair?.reason, 'corrupt', JSON.stringify(entries))
    // The supernode asks it too, under a name that nobody knows, and needs no other complaint.
    await until(async () => {
      const { entries: now } = await supernode.get<Blocklist>('/api/v1/blocklist')
      return now.some((entry) => entry.parent === liar.peerId && entry.child === null && entry.reason === 'corrupt')
    })
    assert.ok((await supernode.metric('damselfly_piece_failures_total{reason="corrupt"}')) > 0)
    assert.equal(await supernode.metric('damselfly_reported_piece_bytes_total{from="peer"}'), 0)
  })

  it('is no parent for that child any more while the entry lasts', async () => {
    const url = origin.add('/another', { size: SIZE, seed: 2 })
    await lab.download(url, lab.path('another'), liar).done()
    const done = await lab.download(url, lab.path('another-out'), child).done()
    assert.equal(await digestOf(lab.path('another-out')), await digestOf(lab.path('another')))
    assert.equal(done.bytesFrom.peers, 0)
    assert.equal(done.bytesFrom.cdn, SIZE)
  })
})

/** The one file in the daemon's store. */
async function storedFile({ dataDir }: Daemon): Promise<string> {
  const [file, ...others] = await storedFiles(join(dataDir, 'store'))
  assert.ok(file !== undefined && others.length === 0)
  return file
}
