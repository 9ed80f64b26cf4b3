import assert from 'node:assert/strict'
import fc from 'fast-check'
import { allowedKinds, isSecurityPolicy, SECURITY_POLICIES, usableEndpoints } from '../../src/lane/security.ts'
import type { Endpoint } from '../../src/channel/transport.ts'

const at = (kind: Endpoint['kind'], host: string): Endpoint => ({ kind, host, port: 1 })

describe('the security policy', () => {
  it('lets the stricter side win', () => {
    assert.deepEqual(allowedKinds('plain', 'plain'), ['plain', 'direct', 'libp2p'])
    assert.deepEqual(allowedKinds('plain', 'tls'), ['direct', 'libp2p'])
    assert.deepEqual(allowedKinds('tls', 'plain'), ['direct', 'libp2p'])
    assert.deepEqual(allowedKinds('tls', 'tls'), ['direct', 'libp2p'])
    assert.deepEqual(allowedKinds('noise', 'plain'), ['libp2p'])
    assert.deepEqual(allowedKinds('tls', 'noise'), ['libp2p'])
  })

  it('knows its own names only', () => {
    assert.ok(SECURITY_POLICIES.every(isSecurityPolicy))
    assert.ok(!['', 'none', 'TLS', 'constructor'].some(isSecurityPolicy))
  })

  it('tries the cheapest kind first, and both families in turns', () => {
    const endpoints = [
      at('libp2p', '10.0.0.1'), at('direct', '10.0.0.1'), at('direct', '10.0.0.2'), at('direct', 'fd00::1'),
      at('direct', '10.0.0.3'), at('plain', 'fd00::1'), at('plain', '10.0.0.1'),
    ]
    const order = usableEndpoints(endpoints, 'plain', 'plain').map(({ kind, host }) => `${kind} ${host}`)
    assert.deepEqual(order, [
      'plain fd00::1', 'plain 10.0.0.1',
      'direct 10.0.0.1', 'direct fd00::1', 'direct 10.0.0.2', 'direct 10.0.0.3',
      'libp2p 10.0.0.1',
    ])
  })

  it('uses each allowed endpoint exactly once and no other', () => {
    const policy = fc.constantFrom(...SECURITY_POLICIES)
    const endpoint = fc.record({
      kind: fc.constantFrom('plain' as const, 'direct' as const, 'libp2p' as const),
      host: fc.oneof(fc.ipV4(), fc.ipV6(), fc.domain()),
      port: fc.nat(65_535),
    })
    fc.assert(
      fc.property(fc.array(endpoint), policy, policy, (endpoints, own, theirs) => {
        const kinds = allowedKinds(own, theirs)
        const usable = usableEndpoints(endpoints, own, theirs)
        assert.equal(new Set(usable).size, usable.length)
        assert.deepEqual(new Set(usable), new Set(endpoints.filter(({ kind }) => kinds.includes(kind))))
      }),
    )
  })
})
