import assert from 'node:assert/strict'
import { isDamselflyError } from '@damselfly/shared'
import { formatSupernodeAddress, parseSupernodeAddress } from '../../src/control/supernode-address.ts'

describe('the address of a supernode', () => {
  it('may leave out the port', () => {
    assert.deepEqual(parseSupernodeAddress('supernode.example'), {
      kind: 'direct',
      host: 'supernode.example',
      port: 65_000,
      peer: undefined,
    })
  })

  it('may name the identity that must answer', () => {
    const address = parseSupernodeAddress('12D3KooWabc@10.1.2.3:7000')
    assert.equal(address.peer, '12D3KooWabc')
    assert.equal(address.host, '10.1.2.3')
    assert.equal(address.port, 7000)
  })

  it('may be an IPv6 address in brackets', () => {
    const address = parseSupernodeAddress('[2001:db8::1]:7000')
    assert.equal(address.host, '2001:db8::1')
    assert.equal(formatSupernodeAddress(address), '[2001:db8::1]:7000')
  })

  it('may ask for Noise over libp2p', () => {
    const address = parseSupernodeAddress('libp2p://supernode.example')
    assert.deepEqual([address.kind, address.port], ['libp2p', 65_010])
    assert.equal(formatSupernodeAddress(address), 'libp2p://supernode.example:65010')
  })

  for (const wrong of ['', 'http://x/', 'host:port', 'host:70000', 'host/path', 'a b', 'user:secret@host:1']) {
    it(`refuses ${JSON.stringify(wrong)} and says how to write it`, () => {
      assert.throws(
        () => parseSupernodeAddress(wrong),
        (error) => isDamselflyError(error, 'CONFIG_INVALID') && /HOST:PORT/.test(error.message),
      )
    })
  }
})
