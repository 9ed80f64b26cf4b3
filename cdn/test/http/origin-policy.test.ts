import assert from 'node:assert/strict'
import type { LookupAddress } from 'node:dns'
import fc from 'fast-check'
import { collect } from '@damselfly/shared'
import { isPublicAddress, parseAddress } from '../../src/http/public-address.ts'
import { parseOriginRule } from '../../src/http/origin-rule.ts'
import { createHttpSource, type HttpSourceInit, type OriginPolicy } from '../../src/index.ts'
import { createFaultOrigin, type FaultOrigin } from '../../src/testing/index.ts'

const PRIVATE = `
  0.0.0.0 0.1.2.3 10.0.0.1 100.64.0.1 100.127.255.255 127.0.0.1 127.255.255.254 169.254.169.254
  172.16.0.1 172.31.255.255 192.0.0.1 192.0.2.1 192.168.0.1 198.18.0.1 198.51.100.1 203.0.113.1
  224.0.0.1 239.255.255.255 240.0.0.1 255.255.255.255
  :: ::1 fe80::1 febf::1 fec0::1 fc00::1 fdff::1 ff02::1 100::1 2001::1 2001:db8::1
  ::7f00:1 ::ffff:0:7f00:1 ::ffff:127.0.0.1 ::ffff:a00:1 64:ff9b::127.0.0.1 64:ff9b::a9fe:a9fe
  64:ff9b:1::1 2002:7f00:1:: 2002:a9fe:a9fe::1 4000::1 5f00::1 fe80::1%eth0`
const PUBLIC = `
  1.1.1.1 8.8.8.8 100.63.0.1 172.32.0.1 2606:4700::1111
  ::ffff:8.8.8.8 64:ff9b::808:808 2002:808:808::1`

function words(text: string): readonly string[] {
  return text.trim().split(/\s+/)
}

/** Link-local and other addresses as they can stand in a URL, which has no place for a zone. */
const LINKS = `
  169.254.169.254 0xa9fea9fe 2852039166 0251.0376.0251.0376 169.254.43518 0.0.0.0 10.1 0xc0.0xa8.1.1
  [fe80::1] [::ffff:169.254.169.254] [::ffff:a9fe:a9fe] [64:ff9b::a9fe:a9fe] [2002:7f00:1::] [fc00::1] [::7f00:1]`

describe('an address', () => {
  for (const text of words(PRIVATE)) {
    it(`${text} is not public`, () => assert.equal(isPublicAddress(parseAddress(text) ?? assert.fail()), false))
  }
  for (const text of words(PUBLIC)) {
    it(`${text} is public`, () => assert.equal(isPublicAddress(parseAddress(text) ?? assert.fail()), true))
  }

  it('that carries an IPv4 address is as public as that one', () => {
    fc.assert(
      fc.property(fc.ipV4(), (text) => {
        const isPublic = isPublicAddress(parseAddress(text) ?? assert.fail())
        for (const form of [`::ffff:${text}`, `64:ff9b::${text}`]) {
          assert.equal(isPublicAddress(parseAddress(form) ?? assert.fail()), isPublic, form)
        }
      }),
    )
  })
})

describe('an origin rule', () => {
  const host = (rule: string, name: string, port = 80): boolean => parseOriginRule(rule).matchesHost(name, port)
  const address = (rule: string, text: string, port = 80): boolean =>
    parseOriginRule(rule).matchesAddress(parseAddress(text) ?? assert.fail(), port)

  it('means a host, whatever the case', () => {
    assert.equal(host('NAS.local', 'nas.local'), true)
    assert.equal(host('nas.local', 'xnas.local'), false)
    assert.equal(host('nas.local', 'nas-local'), false)
  })

  it('means the hosts of a domain', () => {
    assert.equal(host('*.corp.example', 'a.b.corp.example'), true)
    assert.equal(host('*.corp.example', 'corp.example'), false)
    assert.equal(host('*.corp.example', 'x.corp.example.evil.test'), false)
  })

  it('means one port, if it names one', () => {
    assert.equal(host('nas.local:8080', 'nas.local', 8080), true)
    assert.equal(host('nas.local:8080', 'nas.local', 80), false)
    assert.equal(address('[::1]:8080', '::1', 8080), true)
    assert.equal(address('[::1]:8080', '::1', 80), false)
  })

  it('means an address in all its forms, or a network', () => {
    assert.equal(address('127.0.0.1', '::ffff:7f00:1'), true)
    assert.equal(address('10.0.0.0/8', '10.9.8.7'), true)
    assert.equal(address('10.0.0.0/8', '11.0.0.1'), false)
    assert.equal(address('fd00::/8', 'fd12::1'), true)
    assert.equal(address('fd00::/8', '10.0.0.1'), false)
  })

  for (const text of ['', 'a b', 'http://x/', '10.0.0.0/99', 'x/8', 'a:b', '[::1', '*:99999999']) {
    it(`cannot be '${text}'`, () => assert.throws(() => parseOriginRule(text), { code: 'CONFIG_INVALID' }))
  }
})

describe('the HTTP source client, guarding private addresses', () => {
  let origin: FaultOrigin
  let port: string
  before(async () => {
    origin = await createFaultOrigin()
    port = new URL(origin.url('/')).port
    origin.add('/f', { body: Buffer.from('ok') })
  })
  after(() => origin.close())

  const names: Record<string, readonly LookupAddress[]> = {
    'localhost.': [{ address: '127.0.0.1', family: 4 }],
    'rebind.example': [{ address: '127.0.0.1', family: 4 }],
    'mixed.example': [{ address: '169.254.169.254', family: 4 }, { address: '::1', family: 6 }],
    'nat64.example': [{ address: '64:ff9b::7f00:1', family: 6 }],
    'zone.example': [{ address: 'fe80::1%lo', family: 6 }],
    'mapped.example': [{ address: '::ffff:127.0.0.1', family: 6 }],
  }
  const lookup: NonNullable<HttpSourceInit['lookup']> = (name, options, callback) => {
    const found = name === 'first.test' ? [{ address: '127.0.0.1', family: 4 }] : (names[name] ?? [])
    if (options.all === true) callback(null, [...found])
    else callback(null, found[0]?.address ?? '', found[0]?.family)
  }

  async function outcome(policy: OriginPolicy, url: string): Promise<string> {
    const client = createHttpSource({ policy, lookup })
    try {
      const { body } = await client.read({ url, headers: new Map(), signal: new AbortController().signal })
      return (await collect(body)).toString()
    } catch (error) {
      return (error as { code: string }).code
    } finally {
      await client.close()
    }
  }

  const literals = `
    127.0.0.1 2130706433 0x7f000001 0177.0.0.1 127.1 0 %31%32%37.0.0.1 127。0。0。1
    [::1] [::] [::ffff:127.0.0.1] [64:ff9b::7f00:1]`
  for (const host of [...words(literals), ...words(LINKS), ...Object.keys(names)]) {
    it(`does not connect to ${host}`, async () => {
      assert.equal(await outcome({}, `http://${host}:${port}/f`), 'ORIGIN_FORBIDDEN')
    })
  }

  for (const host of [...words(literals), ...words(LINKS), ...Object.keys(names)]) {
    it(`does not follow a redirect to ${host}`, async () => {
      for (const scheme of ['http', 'https']) {
        // A header has no place for other characters.
        const redirectTo = `${scheme}://${host.replaceAll('。', '%E3%80%82')}:${port}/f`
        const url = origin.add('/redirect', { redirectTo }).replace('127.0.0.1', 'first.test')
        assert.equal(await outcome({ allow: ['first.test'] }, url), 'ORIGIN_FORBIDDEN', redirectTo)
        assert.equal(await outcome({ trustRequestedHost: true }, url), 'ORIGIN_FORBIDDEN', redirectTo)
      }
    })
  }

  for (const address of words(PRIVATE)) {
    const name = `name-of-${address.replaceAll(/[:.%]/g, '-')}.example`
    it(`does not connect to a name that leads to ${address}, asked for or redirected to`, async () => {
      names[name] = [{ address, family: address.includes(':') ? 6 : 4 }]
      assert.equal(await outcome({}, `http://${name}:${port}/f`), 'ORIGIN_FORBIDDEN')
      const url = origin.add('/redirect', { redirectTo: `http://${name}:${port}/f` }).replace('127.0.0.1', 'first.test')
      assert.equal(await outcome({ allow: ['first.test'] }, url), 'ORIGIN_FORBIDDEN')
      delete names[name]
    })
  }

  it('has connected to none of them', () => assert.equal(origin.stats('/f').gets, 0))

  it('connects where a rule allows the host, the address or the network', async () => {
    assert.equal(await outcome({ allow: ['127.0.0.1'] }, `http://2130706433:${port}/f`), 'ok')
    assert.equal(await outcome({ allow: ['127.0.0.0/8'] }, `http://rebind.example:${port}/f`), 'ok')
    assert.equal(await outcome({ allow: ['*.example'] }, `http://rebind.example:${port}/f`), 'ok')
    assert.equal(await outcome({ allow: [`rebind.example:${port}`] }, `http://rebind.example:${port}/f`), 'ok')
    assert.equal(await outcome({ allow: ['rebind.example:1'] }, `http://rebind.example:${port}/f`), 'ORIGIN_FORBIDDEN')
  })

  it('takes an address with a zone for no URL at all', async () => {
    const url = origin.add('/zone', { redirectTo: `http://[fe80::1%25lo]:${port}/f` })
    assert.equal(await outcome({ allow: ['127.0.0.1'] }, url), 'ORIGIN_REDIRECTS')
    assert.equal(await outcome({}, `http://[fe80::1%25lo]:${port}/f`), 'URL_REFUSED')
  })

  it('checks where redirects lead', async () => {
    const metadata = origin.add('/to-metadata', { redirectTo: 'http://169.254.169.254/latest' })
    assert.equal(await outcome({ allow: ['127.0.0.1'] }, metadata), 'ORIGIN_FORBIDDEN')
    const name = origin.add('/to-name', { redirectTo: `http://rebind.example:${port}/f` })
    assert.equal(await outcome({ allow: [origin.authority] }, name), 'ok')
    const other = origin.add('/to-other', { redirectTo: `http://nat64.example:${port}/f` })
    assert.equal(await outcome({ allow: ['rebind.example'] }, other.replace('127.0.0.1', 'rebind.example')), 'ORIGIN_FORBIDDEN')
  })

  it('lets a person reach the private host that they name, but no redirect to another', async () => {
    const policy = { trustRequestedHost: true }
    assert.equal(await outcome(policy, origin.url('/f')), 'ok')
    assert.equal(await outcome(policy, `http://rebind.example:${port}/f`), 'ok')
    assert.equal(await outcome(policy, origin.add('/same', { redirectTo: '/f' })), 'ok')
    const other = origin.add('/other', { redirectTo: `http://rebind.example:${port}/f` })
    assert.equal(await outcome(policy, other), 'ORIGIN_FORBIDDEN')
  })

  it('does not reuse for a redirect the connection to a host that was trusted as requested', async () => {
    names['first.example'] = names['second.example'] = [{ address: '127.0.0.1', family: 4 }]
    const client = createHttpSource({ policy: { trustRequestedHost: true }, lookup })
    const read = async (url: string): Promise<void> => {
      const { body } = await client.read({ url, headers: new Map(), signal: new AbortController().signal })
      await collect(body)
    }
    await read(`http://first.example:${port}/f`)
    origin.add('/hop', { redirectTo: `http://first.example:${port}/f` })
    await assert.rejects(read(`http://second.example:${port}/hop`), { code: 'ORIGIN_FORBIDDEN' })
    await client.close()
  })

  it('asks for the address once per connection, so that a later answer changes nothing', async () => {
    let asked = 0
    const flipping: NonNullable<HttpSourceInit['lookup']> = (_name, _options, callback) => {
      asked++
      callback(null, [{ address: asked === 1 ? '127.0.0.1' : '8.8.8.8', family: 4 }])
    }
    const client = createHttpSource({ policy: {}, lookup: flipping })
    const reading = client.read({ url: `http://flip.example:${port}/f`, headers: new Map(), signal: new AbortController().signal })
    await assert.rejects(reading, { code: 'ORIGIN_FORBIDDEN' })
    assert.equal(asked, 1)
    await client.close()
  })
})
