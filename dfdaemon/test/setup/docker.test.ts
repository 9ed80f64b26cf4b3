import assert from 'node:assert/strict'
import { isDamselflyError } from '@damselfly/shared'
import fc from 'fast-check'
import { withMirror } from '../../src/setup/docker.ts'

const MIRROR = 'http://127.0.0.1:65001'

describe('the configuration of docker', () => {
  it('names the mirror first and keeps the others', () => {
    assert.deepEqual(JSON.parse(withMirror('{"registry-mirrors": ["https://m.example"], "debug": true}', MIRROR)), {
      'registry-mirrors': [MIRROR, 'https://m.example'],
      debug: true,
    })
    for (const empty of [undefined, '', ' \n']) assert.deepEqual(JSON.parse(withMirror(empty, MIRROR)), { 'registry-mirrors': [MIRROR] })
  })

  it('changes nothing else of any file, and nothing at all the second time', () => {
    fc.assert(
      fc.property(fc.dictionary(fc.string(), fc.jsonValue(), { noNullPrototype: true }), fc.constantFrom(undefined, 1, 2, '\t'), fc.boolean(), (settings, indent, windows) => {
        delete settings['registry-mirrors']
        const given = JSON.stringify(settings, null, indent)
        const text = windows ? given.replaceAll('\n', '\r\n') : given
        const after = withMirror(text, MIRROR)
        const expected = { ...(JSON.parse(text) as object), 'registry-mirrors': [MIRROR] }
        assert.deepEqual(JSON.parse(after), expected)
        assert.equal(withMirror(after, MIRROR), after)
      }),
      { numRuns: 40 },
    )
  })

  it('takes a mirror with a slash at its end for the same', () => {
    const text = `{"registry-mirrors":["${MIRROR}/"]}`
    assert.equal(withMirror(text, MIRROR), text)
  })

  it('is refused with the line where it is damaged', () => {
    const damaged: [string, RegExp][] = [
      ['{\n  "a": 1,\n  "b" 2\n}', /daemon\.json:3: /],
      ['{\n  "a": 1,\n}', /daemon\.json:3: /],
      ['// notes\n{}', /daemon\.json:1: /],
      ['[]', /daemon\.json:1: is not an object/],
      ['{\n"registry-mirrors": "x"}', /daemon\.json:2: .*list/],
    ]
    for (const [text, message] of damaged) {
      assert.throws(() => withMirror(text, MIRROR), (error) => isDamselflyError(error, 'TOOL_CONFIG_INVALID') && message.test(error.message), text)
    }
  })
})
