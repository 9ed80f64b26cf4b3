import assert from 'node:assert/strict'
import { canProveSameness, hasChanged, sameValidators, type OriginInfo } from '../src/index.ts'

const info = (etag: string, lastModified: string, contentLength?: number): OriginInfo => ({
  contentLength,
  acceptsRanges: true,
  validators: { etag, lastModified },
})

describe('validators', () => {
  it('prove sameness by a strong tag or a date', () => {
    assert.equal(canProveSameness({ etag: '"a"', lastModified: '' }), true)
    assert.equal(canProveSameness({ etag: 'W/"a"', lastModified: 'yesterday' }), true)
    assert.equal(canProveSameness({ etag: 'W/"a"', lastModified: '' }), false)
    assert.equal(canProveSameness({ etag: '', lastModified: '' }), false)
  })

  it('are compared by tag before date, and not at all where one side has none', () => {
    assert.equal(sameValidators({ etag: '"a"', lastModified: 'x' }, { etag: '"a"', lastModified: 'y' }), true)
    assert.equal(sameValidators({ etag: 'W/"a"', lastModified: '' }, { etag: '"a"', lastModified: '' }), true)
    assert.equal(sameValidators({ etag: '"a"', lastModified: 'x' }, { etag: '', lastModified: 'y' }), false)
    assert.equal(sameValidators({ etag: '"a"', lastModified: '' }, { etag: '', lastModified: 'y' }), undefined)
  })

  it('show a change together with the length', () => {
    assert.equal(hasChanged(info('"a"', '', 5), info('"b"', '', 5)), true)
    assert.equal(hasChanged(info('', 'x', 5), info('', 'x', 6)), true)
    assert.equal(hasChanged(info('', '', 5), info('', '', 6)), true)
    assert.equal(hasChanged(info('', '', 5), info('', '')), false)
    assert.equal(hasChanged(info('"a"', '', 5), info('"a"', '', 0)), false)
  })
})
