import assert from 'node:assert/strict'
import fc from 'fast-check'
import { isIPv6 } from 'node:net'
import { localNetworkOf } from '../src/control/local-network.ts'

describe('the local network of an address', () => {
  for (const [address, network] of [
    ['127.0.0.1', 'loopback'],
    ['::1', 'loopback'],
    ['10.1.2.3', '10.1.2.0/24'],
    ['::ffff:10.1.2.3', '10.1.2.0/24'],
    ['172.31.0.9', '172.31.0.0/24'],
    ['172.32.0.9', '172.32.0.9'],
    ['192.168.1.255', '192.168.1.0/24'],
    ['203.0.113.7', '203.0.113.7'],
    ['2001:db8::1', '2001:db8:0:0::/64'],
    ['2001:DB8:0:0:9::1', '2001:db8:0:0::/64'],
    ['2001:0db8:0000:0001::', '2001:db8:0:1::/64'],
    ['fd00:1:2:3:4:5:6:7', 'fd00:1:2:3::/64'],
    ['fe80::1%eth0', ''],
    ['host.example', ''],
    ['', ''],
  ] as const) {
    it(`${address === '' ? 'nothing' : address} is ${network === '' ? 'unknown' : network}`, () => assert.equal(localNetworkOf(address), network))
  }

  it('is the same for all hosts of one network of 64 bits, however their addresses are written', () => {
    const group = fc.nat(0xffff)
    const groups = fc.array(group, { minLength: 4, maxLength: 4 })
    fc.assert(
      fc.property(fc.nat(0xfdff - 0x2000), groups, groups, groups, (first, rest, a, b) => {
        const network = [0x2000 + first, ...rest.slice(1)]
        const [one, other] = [a, b].map((host) => [...network, ...host].map((part) => part.toString(16)).join(':')) as [string, string]
        assert.ok(isIPv6(one))
        assert.equal(localNetworkOf(one), localNetworkOf(other))
        assert.equal(localNetworkOf(new URL(`http://[${one}]/`).hostname.slice(1, -1)), localNetworkOf(one))
      }),
    )
  })
})
