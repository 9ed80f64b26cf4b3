import assert from 'node:assert/strict'
import { isIP } from 'node:net'
import fc from 'fast-check'
import { TrustedProxies } from '../../src/access/client-address.ts'
import { isNetwork } from '../../src/control/networks.ts'

describe('where a request comes from', () => {
  const proxies = new TrustedProxies(['10.0.0.0/8', '2001:db8:ffff::/48', '127.0.0.1'], 'x-forwarded-for')
  const forwarded = new TrustedProxies(['10.0.0.0/8', '2001:db8:ffff::/48'], 'forwarded')
  const from = (remote: string, header: string): string => proxies.clientOf(remote, { 'x-forwarded-for': header })

  it('is the other end of the connection, whatever its headers say, unless that is a trusted proxy', () => {
    assert.equal(from('203.0.113.9', '198.51.100.1'), '203.0.113.9')
    assert.equal(new TrustedProxies([], 'x-forwarded-for').clientOf('127.0.0.1', { 'x-forwarded-for': '198.51.100.1' }), '127.0.0.1')
    assert.equal(from('10.1.2.3', '198.51.100.1'), '198.51.100.1')
    assert.equal(from('::ffff:10.1.2.3', '198.51.100.1'), '198.51.100.1')
  })

  it('is the last hop that is no trusted proxy: what stands before anybody may have written', () => {
    assert.equal(from('10.1.2.3', '192.0.2.66, 198.51.100.1'), '198.51.100.1')
    assert.equal(from('10.1.2.3', '192.0.2.66, 10.9.9.9, 198.51.100.1, 10.4.4.4'), '198.51.100.1')
    assert.equal(from('10.1.2.3', '10.5.5.5, 10.4.4.4'), '10.5.5.5')
  })

  it('is the proxy where that names none', () => {
    for (const header of ['', 'unknown', 'localhost', '198.51.100.1, unknown', '1.2.3.4.5', '::1::2', ',,,']) assert.equal(from('10.1.2.3', header), '10.1.2.3', header)
    assert.equal(proxies.clientOf('10.1.2.3', {}), '10.1.2.3')
  })

  it('is read with ports and in brackets', () => {
    assert.equal(from('10.1.2.3', '198.51.100.1:4711'), '198.51.100.1')
    assert.equal(from('10.1.2.3', '[2001:db8::7]:4711'), '2001:db8::7')
    assert.equal(from('10.1.2.3', '2001:db8::7'), '2001:db8::7')
  })

  it('is read from Forwarded where that is configured, and then from nothing else', () => {
    const of = (header: string): string => forwarded.clientOf('10.1.2.3', { forwarded: header, 'x-forwarded-for': '192.0.2.66' })
    assert.equal(of('for=192.0.2.60;proto=http;by=203.0.113.43'), '192.0.2.60')
    assert.equal(of('For="[2001:db8:cafe::17]:4711", for=10.4.4.4'), '2001:db8:cafe::17')
    assert.equal(of('for=192.0.2.1, proto=https;for=198.51.100.17'), '198.51.100.17')
    for (const header of ['for=_hidden', 'for=unknown', 'proto=http', '']) assert.equal(of(header), '10.1.2.3', header)
    assert.equal(proxies.clientOf('10.1.2.3', { forwarded: 'for=192.0.2.60' }), '10.1.2.3')
  })

  it('is an address whatever the header holds, and never one that a trusted proxy did not see', () => {
    const hop = fc.oneof(fc.ipV4(), fc.ipV6(), fc.string(), fc.constantFrom('10.0.0.1', 'unknown', '"', 'for=', '[::1]'))
    fc.assert(
      fc.property(fc.array(hop, { maxLength: 50 }), fc.ipV4(), (before, last) => {
        const found = from('10.1.2.3', [...before, last].join(', '))
        assert.notEqual(isIP(found), 0)
        if (!last.startsWith('10.') && last !== '127.0.0.1') assert.equal(found, last)
        assert.notEqual(isIP(forwarded.clientOf('10.1.2.3', { forwarded: before.join(',') })), 0)
      }),
    )
  })

  it('is asked of addresses and networks alone', () => {
    for (const text of ['10.0.0.0/8', '::1', '2001:db8::/32', '192.0.2.1', '0.0.0.0/0']) assert.ok(isNetwork(text), text)
    for (const text of ['', '10.0.0.0/33', 'proxy.example', '10.0.0.0/', '10.0.0.0/8/8', '::/129', '10.0.0/8', '10.0.0.0/-1']) assert.ok(!isNetwork(text), text)
  })
})
