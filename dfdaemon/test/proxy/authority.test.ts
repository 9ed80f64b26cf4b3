import assert from 'node:assert/strict'
import { X509Certificate } from 'node:crypto'
import { once } from 'node:events'
import { mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { AddressInfo } from 'node:net'
import { connect, createServer } from 'node:tls'
import { isDamselflyError, systemClock } from '@damselfly/shared'
import { Secret } from '@damselfly/shared/config'
import { loadAuthority } from '../../src/proxy/authority-file.ts'
import { LeafCertificates } from '../../src/proxy/leaf-certificates.ts'
import { Logins } from '../../src/proxy/logins.ts'
import { covers, nameConstraints } from '../../src/proxy/name-constraints.ts'

describe('name constraints', () => {
  it('are the hosts, where those can be told', () => {
    assert.deepEqual(nameConstraints(['B.example:5000', '*.a.example', '[::1]:1', '10.0.0.1', '::2', 'b.example']), {
      domains: ['a.example', 'b.example'],
      addresses: ['10.0.0.1', '::1', '::2'],
    })
    for (const host of ['*', '10.0.0.0/8', 'a*.example']) assert.equal(nameConstraints(['b.example', host]), undefined)
  })

  it('cover what lies within them', () => {
    const made = nameConstraints(['*.a.example', '10.0.0.1'])
    for (const host of ['a.example', 'x.y.a.example:1', '10.0.0.1:5000']) assert.ok(covers(made, nameConstraints([host])), host)
    for (const host of ['ba.example', 'example', '10.0.0.2', '*']) assert.ok(!covers(made, nameConstraints([host])), host)
    assert.ok(covers(undefined, nameConstraints(['*'])))
  })
})

describe('the CA of the proxy', () => {
  let directory: string
  beforeEach(async () => (directory = await mkdtemp(join(tmpdir(), 'damselfly-ca-'))))
  afterEach(() => rm(directory, { recursive: true }))

  it('is made once, for its owner alone', async () => {
    const path = join(directory, 'ca.json')
    const made = await Promise.all([1, 2].map(() => loadAuthority(path, ['a.example'], systemClock)))
    assert.equal(made[0]?.certificate, made[1]?.certificate)
    assert.equal((await stat(path)).mode & 0o777, 0o600)
    const certificate = new X509Certificate(made[0]?.certificate ?? '')
    assert.ok(certificate.ca && certificate.checkPrivateKey(made[0]?.key ?? assert.fail()))
  })

  /** What a client that trusts the CA says of a certificate that it made for a host. */
  async function handshake(authority: Awaited<ReturnType<typeof loadAuthority>>, host: string): Promise<string> {
    const secureContext = await new LeafCertificates(authority, systemClock).contextFor(host)
    const server = createServer({ SNICallback: (_name, done) => done(null, secureContext) })
    server.listen(0, '127.0.0.1')
    await once(server, 'listening')
    const { port } = server.address() as AddressInfo
    const socket = connect({ port, host: '127.0.0.1', servername: host, ca: authority.certificate })
    try {
      await once(socket, 'secureConnect')
      return 'accepted'
    } catch (error) {
      return error instanceof Error ? error.message : String(error)
    } finally {
      socket.destroy()
      server.close()
    }
  }

  it('vouches for its hosts and what lies below them, and is believed of no other', async () => {
    const authority = await loadAuthority(join(directory, 'ca.json'), ['a.example:5000', '*.b.example'], systemClock)
    for (const host of ['a.example', 'x.b.example']) assert.equal(await handshake(authority, host), 'accepted', host)
    for (const host of ['ba.example', 'example', 'c.example']) assert.equal(await handshake(authority, host), 'permitted subtree violation', host)
    const unbound = await loadAuthority(join(directory, 'any.json'), ['*'], systemClock)
    assert.equal(await handshake(unbound, 'c.example'), 'accepted')
  })

  it('is refused when it is for other hosts, or no CA', async () => {
    const path = join(directory, 'ca.json')
    await loadAuthority(path, ['a.example'], systemClock)
    const before = await readFile(path)
    await assert.rejects(loadAuthority(path, ['a.example', 'b.example'], systemClock), (error) => isDamselflyError(error, 'CONFIG_INVALID') && /a\.example/.test(error.message))
    assert.deepEqual(await readFile(path), before)
    await writeFile(path, '{}')
    await assert.rejects(loadAuthority(path, ['a.example'], systemClock), (error) => isDamselflyError(error, 'DISK_FAILED'))
  })
})

describe('logins of the proxy', () => {
  const header = (text: string): string => `Basic ${Buffer.from(text).toString('base64')}`

  it('are compared as a whole', () => {
    const logins = new Logins({ user: new Secret('a:b'), other: new Secret('ü') })
    for (const text of ['user:a:b', 'other:ü']) logins.require(header(text))
    for (const value of [undefined, '', 'Bearer x', header('user:a'), header('user'), header('nobody:a:b'), 'Basic !!']) {
      assert.throws(() => logins.require(value), (error) => isDamselflyError(error, 'PROXY_UNAUTHORIZED'), value)
    }
    new Logins({}).require(undefined)
  })
})
