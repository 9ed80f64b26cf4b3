import assert from 'node:assert/strict'
import { X509Certificate } from 'node:crypto'
import { once } from 'node:events'
import { mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { Agent, get, type RequestOptions } from 'node:https'
import type { IncomingMessage } from 'node:http'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { setImmediate } from 'node:timers/promises'
import { connect as connectTls } from 'node:tls'
import { isDamselflyError, VirtualClock } from '@damselfly/shared'
import { silentLogger } from '@damselfly/shared/logging'
import { ClientCertificates } from '../../src/access/client-certificates.ts'
import { managementSettings, type ManagementTlsSettings } from '../../src/config/management-config.ts'
import { startManagementTls, type ManagementTls } from '../../src/tls/management-tls.ts'
import { ApiBench } from '../api-bench.ts'
import { clientCertificate, serverCertificate, testAuthority, type TestAuthority, type TestCertificate } from './test-certificates.ts'

interface Answer {
  readonly status: number | undefined
  readonly body: string
  readonly fingerprint: string
}

describe('TLS of the management API', function () {
  // Keys are made, on machines that are busy too.
  this.timeout(60_000)
  let directory: string
  let clock: VirtualClock
  let tls: ManagementTls | undefined
  let api: ApiBench | undefined

  beforeEach(async () => {
    directory = await mkdtemp(join(tmpdir(), 'damselfly-tls-'))
    clock = new VirtualClock(Date.now())
  })
  afterEach(async () => {
    await api?.stop()
    await tls?.keys.stop()
    api = tls = undefined
    await rm(directory, { recursive: true })
  })

  const settingsOf = (given: object): ManagementTlsSettings => managementSettings.parse({ tls: given }).tls

  const startTls = (given: object, addresses = ['127.0.0.1']): Promise<ManagementTls | undefined> =>
    startManagementTls({ settings: settingsOf(given), addresses, names: ['supernode.example'], dataDir: directory, clock, logger: silentLogger() })

  const start = async (given: object): Promise<ApiBench> => {
    tls = await startTls(given)
    const { clientRoles } = settingsOf(given)
    api = await ApiBench.start({ tls }, clientRoles)
    return api
  }

  const ask = async (path: string, options: RequestOptions): Promise<Answer> => {
    const request = get(`${api?.base}${path}`, { agent: false, ...options })
    const [response] = (await once(request, 'response')) as [IncomingMessage]
    const { fingerprint256: fingerprint } = (response.socket as unknown as { getPeerX509Certificate(): X509Certificate }).getPeerX509Certificate()
    return { status: response.statusCode, body: await text(response), fingerprint }
  }

  const authorized = (): { headers: { authorization: string } } => ({ headers: { authorization: `Bearer ${api?.adminToken}` } })

  const writeOwn = async (certificate: TestCertificate): Promise<{ certificate: string; key: string }> => {
    const paths = { certificate: join(directory, 'own.pem'), key: join(directory, 'own.key') }
    await writeFile(paths.certificate, certificate.cert)
    await writeFile(paths.key, certificate.key)
    return paths
  }

  it('is spoken by itself once others could read along, or somebody gave a certificate', async () => {
    const speaks = async (given: object, addresses: string[]): Promise<boolean> => {
      const started = await startTls(given, addresses)
      await started?.keys.stop()
      return started !== undefined
    }
    assert.equal(await speaks({}, ['127.0.0.1', '::1']), false)
    assert.equal(await speaks({}, ['::']), true)
    assert.equal(await speaks({}, ['127.0.0.1', '192.0.2.1']), true)
    assert.equal(await speaks({ mode: 'on' }, ['127.0.0.1']), true)
    assert.equal(await speaks({ mode: 'off' }, ['0.0.0.0']), false)
    const own = await writeOwn(await serverCertificate(await testAuthority()))
    assert.equal(await speaks(own, ['127.0.0.1']), true)
  })

  it('comes with a certificate for this machine, by a CA that is kept', async () => {
    const { base } = await start({ mode: 'on', names: ['cdn.example'] })
    assert.match(base, /^https:/)
    const { file = '', fingerprint = '' } = tls?.authority ?? {}
    const ca = await readFile(file, 'utf8')
    assert.equal(new X509Certificate(ca).fingerprint256, fingerprint)
    const { status, fingerprint: shown } = await ask('/api/v1/version', { ca, ...authorized() })
    assert.equal(status, 200)
    for (const servername of ['localhost', 'cdn.example', 'supernode.example']) assert.equal((await ask('/healthz', { ca, servername })).status, 200)
    await assert.rejects(ask('/healthz', { ca, servername: 'other.example' }), /altnames/)
    await assert.rejects(ask('/healthz', {}), /self-signed certificate/)
    assert.equal((await stat(join(directory, 'management-ca.json'))).mode & 0o777, 0o600)
    const again = await startTls({ mode: 'on' })
    await again?.keys.stop()
    assert.equal(again?.authority?.fingerprint, fingerprint)
    assert.notEqual(new X509Certificate(again?.keys.material.cert ?? '').fingerprint256, shown)
  })

  it('renews the certificate that it made long before it ends', async () => {
    tls = await startTls({ mode: 'on' })
    const first = new X509Certificate(tls?.keys.material.cert ?? '')
    const renewed = new Promise<true>((resolve) => tls?.keys.onChange(() => resolve(true)))
    clock.advance(60 * 86_400_000)
    // One look after the other, until one finds a new certificate.
    while (!(await Promise.race([renewed, setImmediate(false)]))) clock.advance(10_000)
    const second = new X509Certificate(tls?.keys.material.cert ?? '')
    assert.notEqual(second.fingerprint256, first.fingerprint256)
    assert.ok(Date.parse(first.validTo) > clock.wallTime())
  })

  it('speaks TLS 1.2 and 1.3, nothing older', async () => {
    const { base } = await start({ mode: 'on' })
    const versionOf = async (maxVersion: 'TLSv1.1' | 'TLSv1.2' | 'TLSv1.3'): Promise<string | null> => {
      const socket = connectTls({ port: Number(new URL(base).port), host: '127.0.0.1', rejectUnauthorized: false, minVersion: 'TLSv1', maxVersion, ciphers: 'DEFAULT@SECLEVEL=0' })
      await once(socket, 'secureConnect')
      const version = socket.getProtocol()
      socket.destroy()
      return version
    }
    assert.deepEqual([await versionOf('TLSv1.2'), await versionOf('TLSv1.3')], ['TLSv1.2', 'TLSv1.3'])
    await assert.rejects(versionOf('TLSv1.1'), /version|alert/i)
  })

  it('tells who speaks plain HTTP what is wrong, and waits for nobody when it stops', async () => {
    const { base } = await start({ mode: 'on' })
    const response = await fetch(`${base.replace('https', 'http')}/api/v1/gc`, { method: 'POST', body: 'x'.repeat(10_000) })
    const body = (await response.json()) as { code: string; message: string }
    assert.deepEqual([response.status, body.code], [400, 'USAGE'])
    assert.match(body.message, /speaks HTTPS/)
    const port = Number(new URL(base).port)
    const silent = connect(port, '127.0.0.1')
    const half = connect(port, '127.0.0.1')
    half.write(Buffer.from([0x16, 3, 1]))
    await Promise.all([once(silent, 'connect'), once(half, 'connect')])
    const closed = [silent, half].map((socket) => new Promise((resolve) => socket.on('error', () => undefined).on('close', resolve).resume()))
    await api?.stop()
    api = undefined
    await Promise.all(closed)
  })

  it("takes somebody's own certificate, and the next one without a restart or a broken connection", async () => {
    const authority = await testAuthority()
    const ca = authority.certificate
    const paths = await writeOwn(await serverCertificate(authority))
    await start(paths)
    const agent = new Agent({ keepAlive: true, maxSockets: 1 })
    const first = await ask('/healthz', { ca, agent })
    const changed = new Promise((resolve) => tls?.keys.onChange(resolve))
    await writeOwn(await serverCertificate(authority))
    clock.advance(10_000)
    await changed
    const second = await ask('/healthz', { ca })
    assert.notEqual(second.fingerprint, first.fingerprint)
    assert.equal((await ask('/healthz', { ca, agent })).fingerprint, first.fingerprint)
    agent.destroy()
    // A certificate with the key of another one is not taken.
    await writeFile(paths.certificate, (await serverCertificate(authority)).cert)
    clock.advance(10_000)
    await tls?.keys.stop()
    assert.equal((await ask('/healthz', { ca })).fingerprint, second.fingerprint)
  })

  it('does not start with files that do not fit together, or are not there', async () => {
    const authority = await testAuthority()
    const paths = await writeOwn(await serverCertificate(authority))
    await writeFile(paths.key, (await serverCertificate(authority)).key)
    await assert.rejects(start(paths), (error) => isDamselflyError(error, 'CONFIG_INVALID') && /not that of the certificate/.test(error.message))
    await assert.rejects(start({ ...paths, key: join(directory, 'none') }), (error) => isDamselflyError(error, 'DISK_FAILED'))
    assert.throws(() => settingsOf({ certificate: 'x' }))
    assert.throws(() => settingsOf({ clients: 'required' }))
  })

  describe('with client certificates', () => {
    let clients: TestAuthority
    const roles = [{ commonName: 'graphs', organization: 'Example', role: 'viewer', scopes: ['metrics'] }, { organizationalUnit: 'Operations', role: 'operator' }]

    const startWith = async (more: object): Promise<string> => {
      clients = await testAuthority('clients')
      const clientCa = join(directory, 'clients.pem')
      await writeFile(clientCa, clients.certificate)
      await start({ mode: 'on', clientCa, clientRoles: roles, ...more })
      return readFile(tls?.authority?.file ?? '', 'utf8')
    }

    it('knows callers by the subjects that are configured', async () => {
      const ca = await startWith({})
      const graphs = await clientCertificate(clients, [{ CN: ['graphs'] }, { O: ['Example'] }])
      assert.deepEqual(JSON.parse((await ask('/api/v1/whoami', { ca, ...graphs })).body), { kind: 'certificate', name: 'certificate of graphs', role: 'viewer', scopes: ['metrics'] })
      assert.equal((await ask('/metrics', { ca, ...graphs })).status, 200)
      assert.equal((await ask('/api/v1/tasks', { ca, ...graphs })).status, 403)
      const operator = await clientCertificate(clients, [{ OU: ['People', 'Operations'] }])
      assert.equal((JSON.parse((await ask('/api/v1/whoami', { ca, ...operator })).body) as { role: string }).role, 'operator')
      // A token goes before it, also a wrong one.
      assert.equal((await ask('/api/v1/audit', { ca, ...graphs, ...authorized() })).status, 200)
      assert.equal((await ask('/metrics', { ca, ...graphs, headers: { authorization: 'Bearer wrong' } })).status, 401)
    })

    it('gives nothing to other subjects, other CAs, none, and pages that use what the browser has', async () => {
      const ca = await startWith({})
      const half = await clientCertificate(clients, [{ CN: ['graphs'] }])
      const hidden = await clientCertificate(clients, [{ CN: ['x\nO=Example\nCN=graphs'] }])
      const foreign = await clientCertificate(await testAuthority('clients'), [{ OU: ['Operations'] }])
      for (const certificate of [half, hidden, foreign, {}]) {
        const { status, body } = await ask('/api/v1/whoami', { ca, ...certificate })
        assert.equal(status, 401)
        assert.doesNotMatch(body, /\\n/)
      }
      const operator = await clientCertificate(clients, [{ OU: ['Operations'] }])
      for (const headers of [{ origin: 'https://evil.example' }, { 'sec-fetch-site': 'cross-site' }, { 'sec-fetch-site': 'same-site' }]) {
        assert.equal((await ask('/api/v1/tasks', { ca, ...operator, headers })).status, 401)
      }
      assert.equal((await ask('/api/v1/tasks', { ca, ...operator, headers: { 'sec-fetch-site': 'none' } })).status, 200)
    })

    it('lets nobody connect without one where they are required', async () => {
      const ca = await startWith({ clients: 'required' })
      await assert.rejects(ask('/healthz', { ca }), /certificate required|ECONNRESET|socket hang up/i)
      const any = await clientCertificate(clients, [{ CN: ['any'] }])
      assert.equal((await ask('/healthz', { ca, ...any })).status, 200)
      assert.equal((await ask('/api/v1/tasks', { ca, ...any })).status, 401)
      assert.equal((await ask('/api/v1/tasks', { ca, ...any, ...authorized() })).status, 200)
    })

    it('does not know one any more that ended while its connection lives', async () => {
      const { cert } = await clientCertificate(await testAuthority(), [{ OU: ['Operations'] }])
      const certificates = new ClientCertificates(settingsOf({ clientCa: 'x', clientRoles: roles }).clientRoles, clock)
      assert.equal(certificates.callerOf(new X509Certificate(cert)).role, 'operator')
      clock.advance(2 * 86_400_000)
      assert.throws(() => certificates.callerOf(new X509Certificate(cert)), (error) => isDamselflyError(error, 'UNAUTHORIZED') && /has expired/.test(error.message))
    })
  })
})
