import assert from 'node:assert/strict'
import * as fc from 'fast-check'
import { parseChallenges } from '../../src/oci/challenge.ts'

const plain = (text: string): unknown => parseChallenges(text).map(({ scheme, parameters }) => [scheme, Object.fromEntries(parameters)])

describe('the challenges of a registry', () => {
  it('are read with all that they carry', () => {
    assert.deepEqual(plain('Bearer realm="https://auth.example/token",service="registry.example",scope="repository:a/b:pull,push"'), [
      ['bearer', { realm: 'https://auth.example/token', service: 'registry.example', scope: 'repository:a/b:pull,push' }],
    ])
    assert.deepEqual(plain('Basic realm="a \\"b\\"", charset=UTF-8, Negotiate, BEARER Realm = x'), [
      ['basic', { realm: 'a "b"', charset: 'UTF-8' }],
      ['negotiate', {}],
      ['bearer', { realm: 'x' }],
    ])
    assert.deepEqual(plain(''), [])
    assert.deepEqual(plain('realm="x"'), [])
  })

  it('survive any text', () => {
    const texts = fc.oneof(fc.string(), fc.array(fc.constantFrom('Bearer', ' ', ',', '=', '"', '\\', 'realm', 'x')).map((parts) => parts.join('')))
    fc.assert(fc.property(texts, (text) => parseChallenges(text).every(({ scheme }) => scheme !== '' && text.toLowerCase().includes(scheme))))
  })

  it('are read back as they were written', () => {
    const token = fc.stringMatching(/^[a-z][a-z0-9-]{0,8}$/)
    const written = fc.array(fc.tuple(token, fc.uniqueArray(fc.tuple(token, fc.string()), { selector: ([name]) => name })))
    fc.assert(
      fc.property(written, (challenges) => {
        const quote = (text: string): string => `"${text.replaceAll(/["\\]/g, '\\$&')}"`
        const text = challenges.map(([scheme, parameters]) => `${scheme} ${parameters.map(([name, value]) => `${name}=${quote(value)}`).join(', ')}`).join(', ')
        assert.deepEqual(plain(text), challenges.map(([scheme, parameters]) => [scheme, Object.fromEntries(parameters)]))
      }),
    )
  })
})
