import assert from 'node:assert/strict'
import { DEFAULT_PIECE_SIZE, sha256 } from '@damselfly/shared'
import { generatedContent, type OriginContent } from '../../src/testing/index.ts'
import { CdnFixture, readAll, specOf, whenPieces } from './cdn-fixture.ts'

const MIB = 1024 * 1024
const SIZE = 72 * MIB + 1000

/** As an origin that gives each connection 16 MB/s. */
const PACED: OriginContent = { size: SIZE, trickle: { bytes: 256 * 1024, everyMs: 16 } }

describe('the CDN, over several connections', () => {
  let fixture: CdnFixture
  beforeEach(async () => void (fixture = await CdnFixture.create({ connectionsPerContent: 4 })))
  afterEach(() => fixture.remove())

  it('fetches every byte once where the origin limits each of them', async () => {
    const url = fixture.origin.add('/f', PACED)
    let most = 0
    const watched = fixture.origin.when('/f', ({ open }) => (most = Math.max(most, open)) > 1)
    const content = generatedContent(SIZE)
    const task = await fixture.obtainWhole(specOf(url, { expectedDigest: sha256(content) }))
    await watched
    assert.deepEqual(await readAll(task), content)
    const { bodyBytes, ranges, headers } = fixture.origin.stats('/f')
    assert.equal(bodyBytes, SIZE)
    assert.equal(task.originBytes, SIZE)
    assert.ok(ranges.length > 2)
    assert.ok(headers.slice(1).every((sent) => sent['if-range'] !== undefined), 'no range without proof of sameness')
  })

  it('goes on where one of them fails', async () => {
    // The second answer breaks off in the middle, or the first if there is no second.
    const url = fixture.origin.add('/f', { ...PACED, cut: { after: 5 * MIB } })
    const task = await fixture.obtainWhole(specOf(url))
    assert.deepEqual(await readAll(task), generatedContent(SIZE))
  })

  for (const [what, content] of Object.entries<OriginContent>({
    'has no ranges': { ranges: false },
    'does not say how long it is': { ranges: false, chunked: true },
    'proves nothing': { etag: '' },
    'has only a weak tag': { etag: 'W/"1"' },
  })) {
    it(`takes one where the origin ${what}`, async () => {
      const url = fixture.origin.add('/f', { ...PACED, trickle: undefined, ...content })
      const task = await fixture.obtainWhole(specOf(url))
      assert.deepEqual(await readAll(task), generatedContent(SIZE))
      const { ranges } = fixture.origin.stats('/f')
      assert.ok(ranges.length <= 2 && ranges.slice(1).every((range) => range === ''), ranges.join(', '))
    })
  }

  it('fetches what is empty, and what fits into one portion by one request', async () => {
    for (const [size, gets] of [[0, 2], [5 * MIB, 1]] as const) {
      const url = fixture.origin.add(`/${size}`, { size })
      const task = await fixture.obtainWhole(specOf(url))
      assert.deepEqual(await readAll(task), generatedContent(size))
      assert.equal(fixture.origin.stats(`/${size}`).gets, gets)
    }
  })

  it('fetches a part of a content as a part', async () => {
    const url = fixture.origin.add('/f', { size: SIZE })
    const range = { start: 1000, end: 40 * MIB }
    const task = await fixture.obtainWhole(specOf(url, { range }))
    assert.deepEqual(await readAll(task), generatedContent(SIZE).subarray(range.start, range.end + 1))
    assert.equal(task.originBytes, range.end + 1 - range.start)
  })

  it('fills the gaps that a restart has left, and fetches nothing twice', async () => {
    const url = fixture.origin.add('/f', { size: SIZE, pauseAfter: 9 * MIB })
    const first = await fixture.obtain(specOf(url))
    await whenPieces(first, 2)
    await fixture.restart()
    const held = 2 * Math.min(DEFAULT_PIECE_SIZE, first.stored.record.pieceSize)
    fixture.origin.resume('/f')
    const task = await fixture.obtainWhole(specOf(url))
    assert.deepEqual(await readAll(task), generatedContent(SIZE))
    assert.ok(task.originBytes <= SIZE - held, `${task.originBytes} of ${SIZE}`)
  })

  it('begins anew, and mixes nothing, where the content changes between two portions', async () => {
    const url = fixture.origin.add('/f', { size: SIZE, later: { after: 1, content: { size: SIZE, seed: 2 } } })
    const task = await fixture.obtainWhole(specOf(url))
    assert.deepEqual(await readAll(task), generatedContent(SIZE, 2))
  })
})
