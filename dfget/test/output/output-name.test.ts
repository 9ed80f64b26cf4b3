import assert from 'node:assert/strict'
import { isDamselflyError } from '@damselfly/shared'
import fc from 'fast-check'
import { outputNameOf } from '../../src/output/output-name.ts'

describe('the default output name', () => {
  it('is the last segment of the path, without the query', () => {
    assert.equal(outputNameOf('https://a.test/dir/file.tar.gz?sig=x/y#z'), 'file.tar.gz')
    assert.equal(outputNameOf('https://a.test/hello%20world'), 'hello world')
    assert.equal(outputNameOf('https://a.test/100%'), '100%')
  })

  it('is refused when the URL suggests none, or a path', () => {
    for (const url of ['https://a.test', 'https://a.test/dir/', 'https://a.test/..%2F..%2Fetc%2Fpasswd', 'https://a.test/%2e%2e', 'https://a.test/a%00b', 'nonsense']) {
      assert.throws(() => outputNameOf(url), (error) => isDamselflyError(error, 'USAGE'), url)
    }
  })

  it('is never a path, whatever the URL', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme' }), (text) => {
        try {
          const name = outputNameOf(`https://a.test/${text}`)
          return name !== '' && name !== '.' && name !== '..' && !/[/\\\0]/.test(name)
        } catch (error) {
          return isDamselflyError(error, 'USAGE')
        }
      }),
    )
  })
})
