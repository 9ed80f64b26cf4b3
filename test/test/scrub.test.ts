import assert from 'node:assert/strict'
import { open, readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { MIN_PIECE_SIZE } from '@damselfly/shared'
import { digestOf, Lab, LocalOrigin, until, writeRandomFile } from '@damselfly/test'

const PIECE = MIN_PIECE_SIZE

interface Scrub {
  readonly last: { readonly pieces: number; readonly damaged: number } | null
}

describe('a damaged piece of the supernode', function () {
  this.timeout(120_000)
  let lab: Lab
  let origin: LocalOrigin

  before(async () => {
    lab = await Lab.create()
  })

  after(async () => {
    await lab.stop()
    await origin.stop()
  })

  it('is found by the scrub and fetched again, alone', async () => {
    const digest = await writeRandomFile(lab.path('content'), 3 * PIECE, 1)
    origin = await LocalOrigin.start(lab.path('content'))
    const supernode = await lab.supernode('supernode', { config: { cdn: { scrub: { rate: 0, every: 0 } } } })
    const peer = await lab.daemon('peer', { supernodes: [supernode.address] })
    await lab.download(origin.url, lab.path('out'), peer).done()
    const tasks = join(supernode.dataDir, 'pieces', 'tasks')
    const [name = ''] = (await readdir(tasks, { recursive: true })).filter((path) => path.includes('/') && path.length > 60)
    const kept = join(tasks, name)
    await damage(kept, PIECE + 5)
    assert.notEqual(await digestOf(kept), digest)
    await supernode.send('POST', '/api/v1/scrub')
    await until(async () => (await supernode.get<Scrub>('/api/v1/scrub')).last !== null)
    const { last } = await supernode.get<Scrub>('/api/v1/scrub')
    assert.deepEqual([last?.pieces, last?.damaged], [3, 1])
    await until(async () => (await digestOf(kept)) === digest)
    assert.equal(await supernode.metric('damselfly_cdn_damaged_pieces_total'), 1)
    assert.ok(origin.bodyBytes <= 5 * PIECE)
  })
})

async function damage(path: string, position: number): Promise<void> {
  const file = await open(path, 'r+')
  await file.write(Uint8Array.of(1, 2, 3), 0, 3, position)
  await file.close()
}
