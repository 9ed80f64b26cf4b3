import assert from 'node:assert/strict'
import { advertisedEndpoints, bindableAddresses, isLoopback } from '../../src/channel/listen-addresses.ts'

const interfaces = {
  lo: [interfaceOf('127.0.0.1', 'IPv4', true)],
  eth0: [interfaceOf('192.0.2.7', 'IPv4', false), interfaceOf('2001:db8::7', 'IPv6', false), interfaceOf('fe80::1', 'IPv6', false)],
}

function interfaceOf(address: string, family: 'IPv4' | 'IPv6', internal: boolean) {
  const common = { address, internal, netmask: '', mac: '', cidr: null }
  return family === 'IPv4' ? { ...common, family } : { ...common, family, scopeid: 0 }
}

describe('the addresses that peers are told', () => {
  const bound = { kind: 'direct', port: 65_000 } as const

  it('are the ones that are listened on', () => {
    assert.deepEqual(advertisedEndpoints([{ ...bound, host: '127.0.0.1' }], [], interfaces), [{ ...bound, host: '127.0.0.1' }])
  })

  it("are the machine's own when every address is listened on", () => {
    const hosts = (host: string): string[] => advertisedEndpoints([{ ...bound, host }], [], interfaces).map((one) => one.host)
    assert.deepEqual(hosts('::'), ['192.0.2.7', '2001:db8::7'])
    assert.deepEqual(hosts('0.0.0.0'), ['192.0.2.7'])
  })

  it('are those that the operator gives instead', () => {
    const endpoints = advertisedEndpoints([{ ...bound, host: '::' }, { ...bound, host: '0.0.0.0' }], ['super.example'], interfaces)
    assert.deepEqual(endpoints, [{ ...bound, host: 'super.example' }])
  })

  it('leave out an IPv6 loopback that the machine lacks', () => {
    assert.deepEqual(bindableAddresses(['127.0.0.1', '::1', '192.0.2.7'], interfaces), ['127.0.0.1', '192.0.2.7'])
  })
})

describe('a loopback host', () => {
  it('is an address of this machine alone, or localhost', () => {
    for (const host of ['127.0.0.1', '127.9.9.9', '::1', '::ffff:127.0.0.1', 'localhost']) assert.ok(isLoopback(host), host)
  })

  it('is no name or address that only looks like one', () => {
    for (const host of ['127.example.com', '192.0.2.1', '::', '0.0.0.0', 'localhost.example']) assert.ok(!isLoopback(host), host)
  })
})
