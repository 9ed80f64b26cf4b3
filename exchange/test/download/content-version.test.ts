import assert from 'node:assert/strict'
import { isSameVersion } from '../../src/download/content-version.ts'

const version = (contentLength: number | undefined, etag: string, lastModified: string) => ({ contentLength, etag, lastModified })

describe('two versions of a content', () => {
  it('are the same with the same entity tag', () => {
    assert.ok(isSameVersion(version(5, '"a"', ''), version(5, '"a"', 'Mon')))
    assert.ok(isSameVersion(version(undefined, '"a"', ''), version(5, '"a"', '')))
  })

  it('differ with another entity tag, whatever the date', () => {
    assert.ok(!isSameVersion(version(5, '"a"', 'Mon'), version(5, '"b"', 'Mon')))
  })

  it('are the same with the same date where there is no entity tag', () => {
    assert.ok(isSameVersion(version(5, '', 'Mon'), version(5, '', 'Mon')))
    assert.ok(!isSameVersion(version(5, '', 'Mon'), version(5, '', 'Tue')))
  })

  it('differ with another length', () => {
    assert.ok(!isSameVersion(version(5, '"a"', ''), version(6, '"a"', '')))
  })

  it('are never taken for the same without validators', () => {
    assert.ok(!isSameVersion(version(5, '', ''), version(5, '', '')))
  })
})
