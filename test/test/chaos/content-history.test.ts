import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { generatedContent } from '@damselfly/cdn/testing'
import { ContentHistory, STALE_WITHIN } from '../../src/chaos/content-history.ts'

const SIZE = 5000

function digestOf(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex')
}

describe('the history of a content in chaos', () => {
  const history = new ContentHistory('http://origin/content', SIZE)
  history.add(1, 0)
  history.add(2, 100)
  const [first, second] = [generatedContent(SIZE, 1), generatedContent(SIZE, 2)]

  it('takes either version from whoever asked around the change', () => {
    assert.equal(history.judge(digestOf(first), 90, 110), 'right')
    assert.equal(history.judge(digestOf(second), 90, 110), 'right')
    assert.equal(history.judge(digestOf(first), 100 + STALE_WITHIN, 130), 'right')
  })

  it('takes no version that came later, or was replaced long before', () => {
    assert.equal(history.judge(digestOf(second), 90, 99), 'stale')
    assert.equal(history.judge(digestOf(first), 101 + STALE_WITHIN, 130), 'stale')
  })

  it('takes no mixture', () => {
    assert.equal(history.judge(digestOf(Buffer.concat([first.subarray(0, 2500), second.subarray(2500)])), 90, 110), 'wrong')
  })

  it('tells how wrong bytes differ from the nearest version', () => {
    const large = new ContentHistory('http://origin/large', 200_000)
    large.add(1, 0)
    large.add(2, 100)
    const bytes = Buffer.from(generatedContent(200_000, 2))
    bytes.fill(0, 65_536, 131_072)
    bytes.writeUInt8(bytes.readUInt8(199_999) ^ 1, 199_999)
    assert.equal(large.differenceOf(bytes), '200000 bytes of 200000; 2 of 4 blocks of 64 KiB differ from version 1, the first is 1, 1 are zeros')
  })
})
