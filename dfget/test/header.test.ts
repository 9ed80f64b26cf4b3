import assert from 'node:assert/strict'
import { isDamselflyError, messageOf } from '@damselfly/shared'
import { parseHeader } from '../src/header.ts'

describe('--header', () => {
  it('splits at the first colon and trims', () => {
    assert.deepEqual(parseHeader('Authorization: Basic a:b'), ['Authorization', 'Basic a:b'])
    assert.deepEqual(parseHeader('X-Empty:'), ['X-Empty', ''])
  })

  it('refuses what is no header, without showing the value', () => {
    for (const text of ['no colon', ': value', 'bad name: x', 'X: secret\r\nInjected: yes', 'X: secret\0']) {
      assert.throws(
        () => parseHeader(text),
        (error) => isDamselflyError(error, 'USAGE') && !messageOf(error).includes('secret'),
        text,
      )
    }
  })
})
