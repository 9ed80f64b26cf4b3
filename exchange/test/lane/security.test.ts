import assert from 'node:assert/strict'
import fc from 'fast-check'
import { allows, isSecurityPolicy, SECURITY_POLICIES, usableEndpoints, type SecurityPolicy } from '../../src/lane/security.ts'
import type { Endpoint } from '../../src/channel/transport.ts'

const at = (kind: Endpoint['kind'], host: string): Endpoint => ({ kind, host, port: 1 })

describe('the security policy', () => {
  it('lets the stricter side win', () => {
    const endpoints = [at('libp2p', '10.0.0.1'), at('plain', '10.0.0.1'), at('direct', '10.0.0.1')]
    const kinds = (own: SecurityPolicy, theirs: SecurityPolicy): string[] =>
      usableEndpoints(endpoints, own, theirs).map(({ kind }) => kind)
    assert.deepEqual(kinds('plain', 'plain'), ['plain', 'direct', 'libp2p'])
    assert.deepEqual(kinds('plain', 'auto'), ['direct', 'libp2p'])
    assert.deepEqual(kinds('plain', 'tls'), ['direct', 'libp2p'])
    assert.deepEqual(kinds('tls', 'plain'), ['direct', 'libp2p'])
    assert.deepEqual(kinds('tls', 'tls'), ['direct', 'libp2p'])
    assert.deepEqual(kinds('noise', 'plain'), ['libp2p'])
    assert.deepEqual(kinds('tls', 'noise'), ['libp2p'])
  })

  it('leaves out encryption within one machine only, unless a side insists on it', () => {
    const endpoints = [at('plain', '10.0.0.1'), at('plain', '127.0.0.1'), at('plain', '::1'), at('direct', '127.0.0.1')]
    const usable = (own: SecurityPolicy, theirs: SecurityPolicy): string[] =>
      usableEndpoints(endpoints, own, theirs).map(({ kind, host }) => `${kind} ${host}`)
    const local = ['plain 127.0.0.1', 'plain ::1', 'direct 127.0.0.1']
    assert.deepEqual(usable('auto', 'auto'), local)
    assert.deepEqual(usable('auto', 'plain'), local)
    assert.deepEqual(usable('auto', 'tls'), ['direct 127.0.0.1'])
    assert.deepEqual(usable('tls', 'auto'), ['direct 127.0.0.1'])
    assert.deepEqual(usable('noise', 'auto'), [])
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
      host: fc.oneof(fc.ipV4(), fc.ipV6(), fc.domain(), fc.constantFrom('127.0.0.1', '::1')),
      port: fc.nat(65_535),
    })
    fc.assert(
      fc.property(fc.array(endpoint), policy, policy, (endpoints, own, theirs) => {
        const usable = usableEndpoints(endpoints, own, theirs)
        const isAllowed = ({ kind, host }: Endpoint): boolean => allows(own, kind, host) && allows(theirs, kind, host)
        assert.equal(new Set(usable).size, usable.length)
        assert.deepEqual(new Set(usable), new Set(endpoints.filter(isAllowed)))
      }),
    )
  })
})
