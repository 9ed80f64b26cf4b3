import assert from 'node:assert/strict'
import { registryRefusal } from '../../src/doctor/registry-answer.ts'
import { registryError } from '../../src/mirror/registry-error.ts'
import { DamselflyError } from '@damselfly/shared'

describe('what a registry says of what it does not give', () => {
  it('is told in words, with the code of the mirror where it is the mirror that speaks', () => {
    const { status, body } = registryError(new DamselflyError('ORIGIN_TLS', 'the certificate is not trusted'))
    const { text, code } = registryRefusal(status, JSON.stringify(body))
    assert.match(text, /^status 502, ORIGIN_TLS: the certificate is not trusted/)
    assert.equal(code, 'ORIGIN_TLS')
  })

  it('is told in words, with the code of the registry where that speaks', () => {
    const body = '{"errors":[{"code":"MANIFEST_UNKNOWN","message":"manifest unknown","detail":{"Tag":"9"}}]}'
    assert.deepEqual(registryRefusal(404, body), { text: 'status 404, MANIFEST_UNKNOWN: manifest unknown', code: undefined })
  })

  it('is shown as it is where it has no form, or a wrong one, and never without end', () => {
    for (const body of ['<html>', '{"errors":[]}', '{"errors":[{"message":"x"}]}', 'null']) {
      assert.deepEqual(registryRefusal(503, body), { text: `status 503: ${body}`, code: undefined })
    }
    assert.ok(registryRefusal(500, 'x'.repeat(100_000)).text.length < 400)
  })
})
