import assert from 'node:assert/strict'
import { inspect } from 'node:util'
import { printConfig, Secret } from '@damselfly/shared/config'
import fc from 'fast-check'
import { load, schema } from './fixture.ts'

describe('printConfig', () => {
  it('gives a file that loads as the same configuration', () => {
    const sources = fc.record({
      dataDir: fc.string({ minLength: 1 }),
      port: fc.nat(65_535),
      addresses: fc.array(fc.string()),
      quota: fc.maxSafeNat(),
      rate: fc.maxSafeNat(),
      idle: fc.nat(),
      names: fc.array(fc.stringMatching(/^[a-z.]{1,8}$/)),
    })
    fc.assert(
      fc.property(sources, ({ dataDir, port, addresses, quota, rate, idle, names }) => {
        const config = load({
          flags: {
            dataDir,
            listen: { port, addresses },
            cache: { quota, rate, idle: `${idle}ms` },
            origins: Object.fromEntries(names.map((name) => [name, { insecure: true }])),
            rules: [{ host: 'a', limit: rate }],
          },
        })
        assert.deepEqual(load({ yaml: printConfig(schema, config) }), config)
      }),
    )
  })

  it('writes units, and no secret', () => {
    const text = printConfig(
      schema,
      load({ flags: { token: 'hush', cache: { idle: '90s', quota: 1024 ** 2, rate: 1500 } } }),
    )
    assert.ok(!text.includes('hush'), text)
    for (const line of ['token: "[redacted]"', '  idle: 90s', '  quota: 1MiB', '  rate: 1500B/s'])
      assert.ok(text.includes(line), text)
  })

  it('leaves out what is not set', () => {
    assert.ok(!printConfig(schema, load()).includes('upstream'))
  })
})

describe('Secret', () => {
  it('is shown nowhere unless revealed', () => {
    const secret = new Secret('hush')
    const shown = [
      String(secret),
      ['a', secret].join(),
      JSON.stringify({ secret }),
      inspect({ secret }, { showHidden: true, depth: 9 }),
    ]
    assert.ok(
      shown.every((text) => text.includes('[redacted]') && !text.includes('hush')),
      shown.join(),
    )
    assert.equal(secret.reveal(), 'hush')
  })
})
