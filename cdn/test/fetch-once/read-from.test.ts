import assert from 'node:assert/strict'
import { sha256 } from '@damselfly/shared'
import { generatedContent, type OriginContent } from '../../src/testing/index.ts'
import { CdnFixture, NOBODY, readAll, specOf, whenEnded, whenPieces } from './cdn-fixture.ts'

const MIB = 1024 * 1024
const SIZE = 100 * MIB + 1000
const LATE = 70 * MIB

for (const connections of [1, 4]) {
  describe(`the CDN, for somebody who reads in the middle, over ${connections} connections at most`, () => {
    let fixture: CdnFixture
    beforeEach(async () => void (fixture = await CdnFixture.create({ connectionsPerContent: connections })))
    afterEach(() => fixture.remove())

    it('asks for what is read first, and then for the rest, every byte once', async () => {
      const url = fixture.origin.add('/f', { size: SIZE })
      const content = generatedContent(SIZE)
      const task = await fixture.obtain(specOf(url, { expectedDigest: sha256(content) }), NOBODY, LATE)
      const { type } = await whenEnded(task)
      assert.equal(type, 'complete')
      assert.deepEqual(await readAll(task), content)
      const { ranges, bodyBytes } = fixture.origin.stats('/f')
      // Where pieces of every size begin.
      assert.match(ranges[0] ?? '', new RegExp(`^bytes=${64 * MIB}-`))
      assert.equal(bodyBytes, SIZE)
    })

    for (const [what, content] of Object.entries<OriginContent>({
      'serves no ranges': { size: SIZE, ranges: false },
      'has less than that': { size: 3 * MIB },
      'proves nothing': { size: SIZE, etag: '' },
    })) {
      it(`takes all of it where the origin ${what}`, async () => {
        const url = fixture.origin.add('/f', content)
        const task = await fixture.obtain(specOf(url), NOBODY, LATE)
        assert.equal((await whenEnded(task)).type, 'complete')
        assert.deepEqual(await readAll(task), generatedContent(content.size ?? 0))
      })
    }
  })
}

describe('the CDN, for somebody who begins to read in the middle of a fetch', () => {
  let fixture: CdnFixture
  beforeEach(async () => void (fixture = await CdnFixture.create({ connectionsPerContent: 4 })))
  afterEach(() => fixture.remove())

  it('asks for that next', async () => {
    const url = fixture.origin.add('/f', { size: SIZE, pauseAfter: 9 * MIB })
    const task = await fixture.obtain(specOf(url))
    await whenPieces(task, 2)
    task.wantFrom(LATE)
    fixture.origin.resume('/f')
    assert.equal((await whenEnded(task)).type, 'complete')
    const [first, second] = fixture.origin.stats('/f').ranges
    assert.match(first ?? '', /^bytes=0-/)
    assert.match(second ?? '', new RegExp(`^bytes=${LATE}-`))
    assert.deepEqual(await readAll(task), generatedContent(SIZE))
  })
})
