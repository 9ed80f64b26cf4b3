import assert from 'node:assert/strict'
import { Rules } from '../../src/proxy/rules.ts'

describe('rules of the proxy', () => {
  it('decide by the first that matches', () => {
    const rules = new Rules([
      { url: '\\.iso$', action: 'block' },
      { url: '^http://(?:a|b)\\.example/', action: 'swarm' },
      { url: 'example', action: 'direct' },
    ])
    assert.deepEqual(rules.judge('http://a.example/x.iso'), { type: 'block', rule: '\\.iso$' })
    assert.deepEqual(rules.judge('http://b.example/x'), { type: 'swarm' })
    assert.deepEqual(rules.judge('http://c.example/x'), { type: 'direct' })
    assert.equal(rules.judge('http://elsewhere.test/'), undefined)
    assert.equal(new Rules([]).judge('http://a.example/'), undefined)
  })

  it('send clients elsewhere, and block where that is nowhere or back', () => {
    const to = (text: string): ReturnType<Rules['judge']> => new Rules([{ url: '^http://old\\.example/(.*)', action: 'redirect', to: text }]).judge('http://old.example/a?b=c')
    assert.deepEqual(to('https://new.example/x/$1'), { type: 'redirect', location: 'https://new.example/x/a?b=c' })
    for (const text of ['javascript:$1', 'nowhere', 'http://old.example/$1']) assert.equal(to(text)?.type, 'block', text)
  })

  it('block what takes without end to match, soon', () => {
    const rules = new Rules([{ url: '^http://(?:a+)+$', action: 'direct' }])
    const begun = performance.now()
    assert.equal(rules.judge(`http://${'a'.repeat(5000)}!`)?.type, 'block')
    assert.ok(performance.now() - begun < 2000)
  })
})
