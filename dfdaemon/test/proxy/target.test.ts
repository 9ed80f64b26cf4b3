import assert from 'node:assert/strict'
import { isDamselflyError, type ErrorCode } from '@damselfly/shared'
import { requestedUrl } from '../../src/proxy/requested-url.ts'
import { TargetGate } from '../../src/proxy/target-gate.ts'
import { formatTarget, parseAuthority, parseTargetUrl, targetOf } from '../../src/proxy/target.ts'

const coded = (code: ErrorCode) => (error: unknown) => isDamselflyError(error, code)

describe('targets of the proxy', () => {
  it('are read in every form that leads to the same place', () => {
    assert.deepEqual(parseAuthority('Host.Example:443'), { host: 'host.example', port: 443 })
    assert.deepEqual(parseAuthority('[2001:DB8::0:1]:8443'), { host: '2001:db8::1', port: 8443 })
    assert.deepEqual(parseAuthority('0x7f.1:80'), { host: '127.0.0.1', port: 80 })
    assert.deepEqual(targetOf(parseTargetUrl('https://u:p@[::1]/#x')), { host: '::1', port: 443 })
    assert.equal(parseTargetUrl('http://u:p@a.example/b#c').href, 'http://a.example/b')
    assert.equal(formatTarget({ host: '::1', port: 443 }, 443), '[::1]')
    for (const text of ['host', 'host:0', 'host:99999', 'a@b:1', 'a/b:1', ':1', '[::1', 'a b:1', '']) assert.throws(() => parseAuthority(text), coded('URL_REFUSED'), text)
    for (const text of ['ftp://a/', 'nothing', `http://a/${'x'.repeat(9000)}`]) assert.throws(() => parseTargetUrl(text), coded('URL_REFUSED'), text)
  })

  it('stay those of an intercepted connection', () => {
    const here = { host: 'a.example', port: 443 }
    assert.equal(requestedUrl({ url: '/x?y', headers: { host: 'A.example' } }, here).href, 'https://a.example/x?y')
    assert.equal(requestedUrl({ url: '//b.example/x', headers: { host: 'a.example' } }, here).href, 'https://a.example//b.example/x')
    for (const [url, host] of [['/', 'b.example'], ['/', 'a.example:8443'], ['http://b.example/', 'a.example'], ['/', undefined]] as const) {
      assert.throws(() => requestedUrl({ url, headers: { host } }, here), coded('USAGE'), url)
    }
    assert.throws(() => requestedUrl({ url: '/x', headers: { host: 'a.example' } }, undefined), coded('USAGE'))
  })
})

describe('the gate of the proxy', () => {
  const addresses: Readonly<Record<string, string>> = { 'public.example': '1.1.1.1', 'private.example': '10.0.0.1', 'named.example': '10.0.0.2', 'self.example': '127.0.0.1' }
  const gate = new TargetGate({
    allow: ['127.0.0.0/8', '::1', 'named.example'],
    connectPorts: [443],
    intercepted: ['registry.example:5000', 'plain.example'],
    ownPorts: () => [65_005],
    lookup: (host, _options, callback) => {
      const address = addresses[host]
      if (address === undefined) callback(new Error(`no ${host}`), [])
      else callback(null, [{ address, family: 4 }])
    },
  })

  it('lets tunnels lead to the ports that it is told', () => {
    gate.requireTunnel({ host: 'a.example', port: 443 })
    gate.requireTunnel({ host: 'registry.example', port: 5000 })
    for (const host of ['a.example', 'plain.example']) assert.throws(() => gate.requireTunnel({ host, port: 5000 }), coded('PROXY_REFUSED'))
  })

  it('refuses private addresses, in every form, unless they are allowed', async () => {
    for (const host of ['10.0.0.1', 'fe80::1', '::ffff:10.0.0.1', '64:ff9b::a00:1', '169.254.169.254']) {
      assert.throws(() => gate.requireAddress({ host, port: 80 }), coded('PROXY_REFUSED'), host)
    }
    for (const host of ['1.1.1.1', '127.0.0.1', '::1', '2606:4700::1111']) gate.requireAddress({ host, port: 80 })
    await gate.requireResolved({ host: 'public.example', port: 80 })
    await gate.requireResolved({ host: 'named.example', port: 80 })
    await assert.rejects(gate.requireResolved({ host: 'private.example', port: 80 }), coded('PROXY_REFUSED'))
    await assert.rejects(gate.requireResolved({ host: 'missing.example', port: 80 }), coded('ORIGIN_UNREACHABLE'))
  })

  it('refuses the daemon itself, whatever is allowed', async () => {
    for (const host of ['127.0.0.1', '127.9.9.9', '::1', '::ffff:127.0.0.1', '0.0.0.0', '::']) {
      assert.throws(() => gate.requireAddress({ host, port: 65_005 }), (error) => isDamselflyError(error, 'PROXY_REFUSED') && /itself/.test(error.message), host)
    }
    await assert.rejects(gate.requireResolved({ host: 'self.example', port: 65_005 }), coded('PROXY_REFUSED'))
    await gate.requireResolved({ host: 'self.example', port: 80 })
  })
})
