import assert from 'node:assert/strict'
import { isDamselflyError } from '@damselfly/shared'
import { loadConfig } from '@damselfly/shared/config'
import { completeConfig, supernodeConfigSchema, type SupernodeConfig } from '../src/config/config.ts'
import { dataDirectory } from '../src/config/data-directory.ts'
import { allowedOrigins } from '../src/config/origin-allowance.ts'

function configOf(yaml: string): SupernodeConfig {
  const file = { path: 'supernode.yaml', text: yaml }
  return completeConfig(loadConfig({ schema: supernodeConfigSchema, program: 'supernode', file, env: {}, flags: {} }), '/data')
}

describe('the configuration of the supernode', () => {
  it('listens on loopback alone until told otherwise', () => {
    const config = configOf('')
    assert.deepEqual(config.listen.addresses, ['127.0.0.1', '::1'])
    assert.deepEqual(config.management.addresses, ['127.0.0.1', '::1'])
    assert.equal(config.security, 'auto')
    assert.equal(config.dataDir, '/data')
    assert.equal(config.trust.announceQuorum, 2)
  })

  it('refuses what it does not know, with the nearest right name', () => {
    const refused = (yaml: string, pattern: RegExp): void =>
      assert.throws(() => configOf(yaml), (error) => isDamselflyError(error, 'CONFIG_INVALID') && pattern.test(error.message))
    refused('listen: { directprot: 1 }', /directPort/)
    refused('security: none', /security/)
    refused('listen: { addresses: [example.org] }', /IP address/)
    refused('management: { port: 70000 }', /management\.port/)
    refused('trust: { announceQuorum: 0 }', /announceQuorum/)
  })

  it('lets origins be private only while peers come from this machine alone', () => {
    const isOpen = (yaml: string): boolean => allowedOrigins(configOf(yaml)).includes('0.0.0.0/0')
    assert.equal(isOpen(''), true)
    assert.equal(isOpen("listen: { addresses: ['::'] }"), false)
    assert.equal(isOpen('listen: { addresses: [192.0.2.1, 127.0.0.1] }'), false)
    assert.equal(isOpen("{ listen: { addresses: ['::'] }, origins: { private: allow } }"), true)
    assert.equal(isOpen('origins: { private: deny }'), false)
    assert.deepEqual(allowedOrigins(configOf('origins: { private: deny, allow: [nas.local] }')), ['nas.local'])
  })

  it('keeps its data where the user expects it', () => {
    assert.equal(dataDirectory({}, 0), '/var/lib/damselfly/supernode')
    assert.equal(dataDirectory({ XDG_DATA_HOME: '/xdg' }, 1000), '/xdg/damselfly/supernode')
    assert.match(dataDirectory({ XDG_DATA_HOME: 'relative' }, 1000), /\.local\/share\/damselfly\/supernode$/)
  })
})
