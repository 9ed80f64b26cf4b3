import assert from 'node:assert/strict'
import { isDamselflyError } from '@damselfly/shared'
import fc from 'fast-check'
import { CIPHERS } from '../../src/channel/cipher-choice.ts'
import { NO_DEMANDS, readDemands, SecurityInForce } from '../../src/lane/security-in-force.ts'
import { allows, SECURITY_POLICIES } from '../../src/lane/security.ts'

const HOSTS = ['127.0.0.1', '10.0.0.1']
const KINDS = ['plain', 'direct', 'libp2p'] as const

describe('the security in force', () => {
  it('is the stricter of this side and of the network, whatever they are', () => {
    const policy = fc.constantFrom(...SECURITY_POLICIES)
    fc.assert(
      fc.property(policy, policy, fc.constantFrom(...KINDS), fc.constantFrom(...HOSTS), (own, network, kind, host) => {
        const both = allows(own, kind, host) && allows(network, kind, host)
        assert.equal(new SecurityInForce({ security: own }, { security: network }).allows(kind, host), both)
      }),
    )
  })

  it('has only the ciphers that both allow, and Noise only with its own', () => {
    const security = new SecurityInForce({ security: 'tls', ciphers: ['aes-128-gcm', 'aes-256-gcm'] })
    assert.ok(!security.allows('libp2p', '10.0.0.1'))
    security.networkDemands({ security: 'plain', ciphers: ['aes-256-gcm', 'chacha20-poly1305'] })
    assert.deepEqual(security.ciphers(), ['aes-256-gcm'])
  })

  it('refuses what leaves no channel at all, and keeps what was in force', () => {
    assert.throws(
      () => new SecurityInForce({ security: 'noise', ciphers: ['aes-128-gcm'] }),
      (error) => isDamselflyError(error, 'CONFIG_INVALID'),
    )
    const security = new SecurityInForce({ security: 'plain', ciphers: ['aes-128-gcm'] }, { security: 'tls' })
    for (const demand of [{ security: 'noise' }, { security: 'tls', ciphers: ['aes-256-gcm'] }] as const) {
      assert.throws(() => security.networkDemands(demand), (error) => isDamselflyError(error, 'SECURITY_MISMATCH'))
    }
    assert.ok(!security.allows('plain', '10.0.0.1'))
  })

  it('follows the supernode up and down, and never below its own', () => {
    const security = new SecurityInForce({ security: 'auto' }, { security: 'tls' })
    assert.ok(!security.allows('plain', '127.0.0.1'))
    security.networkDemands({ security: 'plain' })
    assert.ok(security.allows('plain', '127.0.0.1'))
    assert.ok(!security.allows('plain', '10.0.0.1'))
  })

  it('reads only demands that it can keep to', () => {
    assert.deepEqual(readDemands('', []), NO_DEMANDS)
    assert.deepEqual(readDemands('tls', ['aes-128-gcm', 'of-tomorrow']), { security: 'tls', ciphers: ['aes-128-gcm'] })
    for (const [security, ciphers] of [['quantum', []], ['tls', ['of-tomorrow']]] as const) {
      assert.throws(() => readDemands(security, ciphers), (error) => isDamselflyError(error, 'PROTOCOL'))
    }
    fc.assert(
      fc.property(fc.string(), fc.array(fc.string()), (security, ciphers) => {
        try {
          const demands = readDemands(security, ciphers)
          assert.ok(SECURITY_POLICIES.includes(demands.security) && (demands.ciphers ?? CIPHERS).length > 0)
        } catch (error) {
          assert.ok(isDamselflyError(error, 'PROTOCOL'))
        }
      }),
    )
  })
})
