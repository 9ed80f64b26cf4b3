import assert from 'node:assert/strict'
import { DEFAULT_PIECE_SIZE, MIN_PIECE_SIZE, sha256 } from '@damselfly/shared'
import { generatedContent, type OriginContent } from '../../src/testing/index.ts'
import { CdnFixture, readAll, specOf, whenEnded, whenPieces } from './cdn-fixture.ts'

const PIECE = MIN_PIECE_SIZE
const SIZE = 4 * PIECE + 100
const DATED: OriginContent = { etag: '', lastModified: 'Wed, 21 Oct 2026 07:28:00 GMT' }

describe('the CDN, after a restart in the middle of a fetch', () => {
  let fixture: CdnFixture
  beforeEach(async () => void (fixture = await CdnFixture.create()))
  afterEach(() => fixture.remove())

  /** Stops the program when two pieces of what `/f` serves are here. */
  async function interrupt(content: OriginContent): Promise<string> {
    const url = fixture.origin.add('/f', { size: SIZE, ...content, pauseAfter: 2 * PIECE + 7 })
    const task = await fixture.obtain(specOf(url))
    await whenPieces(task, 2)
    await fixture.restart()
    return url
  }

  for (const [proof, content] of Object.entries<OriginContent>({ 'a strong tag': {}, 'a date': DATED })) {
    it(`fetches only the rest where ${proof} proves that the content is the same`, async () => {
      const url = await interrupt(content)
      fixture.origin.add('/f', { size: SIZE, ...content })
      const task = await fixture.obtainWhole(specOf(url))
      assert.deepEqual(await readAll(task), generatedContent(SIZE))
      assert.equal(fixture.origin.stats('/f').ranges.at(-1), `bytes=${2 * PIECE}-`)
      assert.equal(task.originBytes, SIZE - 2 * PIECE)
    })

    it(`starts anew where ${proof} shows that it has changed`, async () => {
      const url = await interrupt(content)
      const other = content.etag === '' ? { ...content, lastModified: 'Wed, 21 Oct 2026 07:28:09 GMT' } : {}
      fixture.origin.add('/f', { size: SIZE, seed: 2, ...other })
      const task = await fixture.obtainWhole(specOf(url))
      assert.deepEqual(await readAll(task), generatedContent(SIZE, 2))
    })
  }

  it('starts anew where the date is the same and the length is not', async () => {
    const url = await interrupt(DATED)
    fixture.origin.add('/f', { ...DATED, size: SIZE + 1, seed: 2 })
    assert.deepEqual(await readAll(await fixture.obtainWhole(specOf(url))), generatedContent(SIZE + 1, 2))
  })

  it('starts anew where the tag is weak', async () => {
    const url = await interrupt({ etag: 'W/"1"' })
    fixture.origin.add('/f', { size: SIZE, etag: 'W/"1"' })
    assert.equal((await fixture.obtainWhole(specOf(url))).originBytes, SIZE)
  })

  it('compares what is here with what comes where ranges are no longer served', async () => {
    const url = await interrupt({})
    fixture.origin.add('/f', { size: SIZE, ranges: false })
    const task = await fixture.obtainWhole(specOf(url))
    assert.deepEqual(await readAll(task), generatedContent(SIZE))
    assert.equal(task.originBytes, SIZE)
  })

  it('continues a content whose length was unknown', async () => {
    const size = 2 * DEFAULT_PIECE_SIZE + 3
    const url = fixture.origin.add('/f', { size, chunked: true, pauseAfter: DEFAULT_PIECE_SIZE + 1000 })
    await whenPieces(await fixture.obtain(specOf(url)), 1)
    await fixture.restart()
    fixture.origin.add('/f', { size, chunked: true })
    const task = await fixture.obtainWhole(specOf(url))
    assert.deepEqual(await readAll(task), generatedContent(size))
    assert.equal(task.originBytes, size - DEFAULT_PIECE_SIZE)
  })

  it('continues a content that is a part of its URL', async () => {
    const range = { start: 50, end: 3 * PIECE + 49 }
    const url = fixture.origin.add('/f', { size: SIZE, pauseAfter: PIECE + 7 })
    await whenPieces(await fixture.obtain(specOf(url, { range })), 1)
    await fixture.restart()
    fixture.origin.add('/f', { size: SIZE })
    const task = await fixture.obtainWhole(specOf(url, { range }))
    assert.deepEqual(await readAll(task), generatedContent(SIZE).subarray(50, 3 * PIECE + 50))
    assert.equal(fixture.origin.stats('/f').ranges.at(-1), `bytes=${PIECE + 50}-${3 * PIECE + 49}`)
  })

  it('fetches only the gap where a piece in the middle is missing', async () => {
    const url = fixture.origin.add('/f', { size: SIZE })
    const spec = specOf(url)
    const first = await fixture.obtainWhole(spec)
    const record = { ...first.stored.record, contentDigest: undefined }
    await fixture.store.delete(spec.taskId)
    const stored = await fixture.store.create(record)
    const content = generatedContent(SIZE)
    for (const index of [0, 1, 3, 4]) {
      const { offset, length } = stored.layout?.piece(index) ?? { offset: 0, length: 0 }
      const writer = stored.claim(index, length)
      await writer?.write(content.subarray(offset, offset + length))
      await writer?.commit(undefined)
    }
    const task = await fixture.obtainWhole(spec)
    assert.deepEqual(await readAll(task), content)
    assert.equal(task.originBytes, PIECE)
    assert.equal(fixture.origin.stats('/f').ranges.at(-1), `bytes=${2 * PIECE}-${3 * PIECE - 1}`)
  })

  it('hashes what is here, and asks the origin nothing, where only the end was missing', async () => {
    const expectedDigest = sha256(generatedContent(SIZE))
    const spec = specOf(fixture.origin.add('/f', { size: SIZE }), { expectedDigest })
    const first = await fixture.obtainWhole(spec)
    await first.stored.update({ contentDigest: undefined })
    await fixture.restart()
    const task = await fixture.obtain(spec)
    assert.equal((await whenEnded(task)).type, 'complete')
    assert.deepEqual(task.stored.record.contentDigest, expectedDigest)
    assert.equal(fixture.origin.stats('/f').gets, 1)
  })
})
