import assert from 'node:assert/strict'
import type { NetworkInterfaceInfo } from 'node:os'
import type { Interfaces } from '../../src/channel/listen-addresses.ts'
import type { Endpoint } from '../../src/channel/transport.ts'
import { listenAddresses, offeredEndpoints } from '../../src/lane/lane-offer.ts'

const ports = { plain: 1, direct: 2, libp2p: 3 }

/** A loopback device with these addresses. */
function loopback(...addresses: readonly string[]): Interfaces {
  return { lo: addresses.map((address) => ({ address, internal: true }) as NetworkInterfaceInfo) }
}

describe('the lanes that a side offers', () => {
  const both = loopback('127.0.0.1', '::1')

  it('are plain at loopback only, unless the policy is plain everywhere', () => {
    const plain = (policy: 'plain' | 'auto' | 'tls', hosts: readonly string[]): string[] =>
      listenAddresses(policy, hosts, ports, both).plain.map(({ host }) => host)
    assert.deepEqual(plain('auto', ['127.0.0.1', '10.0.0.1']), ['127.0.0.1'])
    assert.deepEqual(plain('auto', ['10.0.0.1']), [])
    assert.deepEqual(plain('auto', ['::']), ['127.0.0.1', '::1'])
    assert.deepEqual(plain('plain', ['10.0.0.1']), ['10.0.0.1'])
    assert.deepEqual(plain('tls', ['::']), [])
  })

  it('leave out an IPv6 loopback that the machine does not have', () => {
    const { plain } = listenAddresses('auto', ['0.0.0.0'], ports, loopback('127.0.0.1'))
    assert.deepEqual(plain, [{ host: '127.0.0.1', port: 1 }])
  })

  it('are encrypted ones only where the policy wants noise', () => {
    const offered = listenAddresses('noise', ['::'], ports, both)
    assert.deepEqual(offered, { plain: [], direct: [], libp2p: [{ host: '::', port: 3 }] })
  })

  it('are told under the names that the operator gives, except for those of this machine alone', () => {
    const bound: Endpoint[] = [{ kind: 'plain', host: '127.0.0.1', port: 1 }, { kind: 'direct', host: '::', port: 2 }]
    const told = (policy: 'plain' | 'auto'): string[] => offeredEndpoints(policy, bound, ['a.test']).map(({ kind, host }) => `${kind} ${host}`)
    assert.deepEqual(told('auto'), ['plain 127.0.0.1', 'direct a.test'])
    assert.deepEqual(told('plain'), ['plain a.test', 'direct a.test'])
  })
})
