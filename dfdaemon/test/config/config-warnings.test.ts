import assert from 'node:assert/strict'
import { loadConfig } from '@damselfly/shared/config'
import { configWarnings } from '../../src/config/config-warnings.ts'
import { daemonConfigSchema } from '../../src/config/config.ts'

describe('a configuration that does less, or more, than somebody may have meant', () => {
  const warningsOf = (settings: unknown): readonly string[] => {
    const file = { path: 'dfdaemon.yaml', text: JSON.stringify(settings) }
    return configWarnings(loadConfig({ schema: daemonConfigSchema, program: 'dfdaemon', file, env: {}, flags: {} }))
  }
  const login = { registries: [{ host: 'r.test', username: 'u', password: 'p' }] }

  it('is nothing to speak of as it is by default, or where what is set is used', () => {
    assert.deepEqual(warningsOf({}), [])
    assert.deepEqual(warningsOf({ proxy: { enabled: true, registries: ['r.test'] }, origins: login }), [])
    assert.deepEqual(warningsOf({ mirror: { address: '0.0.0.0' } }), [])
  })

  for (const [what, settings, pattern] of [
    ['a proxy that is off has registries', { proxy: { registries: ['r.test'] } }, /^proxy\.registries: .*proxy\.enabled/],
    ['a proxy that is off has rules', { proxy: { rules: [{ url: 'x', action: 'block' }] } }, /^proxy\.rules: /],
    ['a proxy has registries, and no mirror answers for them', { mirror: { enabled: false }, proxy: { enabled: true, registries: ['r.test'] } }, /mirror\.enabled/],
    ['others reach a mirror that has logins', { mirror: { address: '0.0.0.0' }, origins: login }, /^mirror\.address: whoever reaches 0\.0\.0\.0/],
  ] as const) {
    it(`is told where ${what}`, () => {
      const [first = '', ...others] = warningsOf(settings)
      assert.match(first, pattern)
      assert.deepEqual(others, [])
    })
  }
})
