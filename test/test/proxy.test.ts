import assert from 'node:assert/strict'
import { once } from 'node:events'
import { readFile, stat, writeFile } from 'node:fs/promises'
import { createServer, type RequestListener, type Server } from 'node:http'
import { createServer as createTlsServer } from 'node:https'
import { connect, type AddressInfo } from 'node:net'
import { join } from 'node:path'
import { selfSignedCertificate, type TestCertificate } from '@damselfly/cdn/testing'
import { createImage, pushImage, RegistryPush, RegistryServer, whyNoRegistryServer } from '@damselfly/cdn/testing/registry'
import { Lab, type Daemon } from '@damselfly/test'

const CONTENT = Buffer.alloc(3 * 1024 * 1024, 'damselfly')
const SECRET = { authorization: 'Basic dXNlcjpzZWNyZXQ=' }

interface CurlAnswer {
  readonly code: number | null
  readonly stdout: string
  readonly stderr: string
  readonly body: Buffer
  readonly head: string
}

describe('the forward proxy', function () {
  this.timeout(120_000)
  let lab: Lab
  let daemon: Daemon
  let plain: Server
  let encrypted: Server
  let registry: RegistryServer | undefined
  let originCa: string
  let ownCa: string
  let asked: string[]
  const image = createImage([1024 * 1024])

  before(async () => {
    lab = await Lab.create()
    const certificate = await selfSignedCertificate()
    originCa = lab.path('origin.pem')
    await writeFile(originCa, certificate.cert)
    asked = []
    plain = await listening(createServer(answer))
    encrypted = await listening(createTlsServer(certificate, answer))
    const hasRegistry = (await whyNoRegistryServer()) === undefined
    if (hasRegistry) registry = await registryWith(certificate)
    daemon = await startDaemon('daemon', {})
    ownCa = lab.path('own.pem')
    const exported = await lab.own('dfdaemon', ['ca', 'export', '--config', lab.path('daemon.yaml')]).exited
    assert.equal(exported.code, 0, exported.stderr)
    await writeFile(ownCa, `${exported.stdout}\n`)
  })
  after(async () => {
    await lab?.stop()
    await registry?.stop()
    for (const server of [plain, encrypted]) server?.closeAllConnections()
    for (const server of [plain, encrypted]) server?.close()
  })
  beforeEach(() => (asked.length = 0))

  const answer: RequestListener = (request, response) => {
    asked.push(`${request.method} ${request.url} ${Object.keys(request.headers).filter((name) => name.startsWith('proxy-')).join()}`.trim())
    response.writeHead(200, { 'content-length': CONTENT.length, etag: '"1"', 'x-of-the-origin': 'yes', connection: 'x-hop', 'x-hop': '1' })
    response.end(request.method === 'HEAD' ? undefined : CONTENT)
  }

  function startDaemon(name: string, proxy: Record<string, unknown>, more: Record<string, unknown> = {}): Promise<Daemon> {
    const rules = [
      { url: '^http://[^/]+/blocked', action: 'block' },
      { url: '^https://[^/]+/secret/', action: 'block' },
      { url: '^(http://[^/]+)/old/(.*)', action: 'redirect', to: '$1/new/$2' },
      { url: '/swarm/', action: 'swarm' },
    ]
    const registries = registry === undefined ? [] : [registry.authority]
    const config = {
      origins: { registries: registries.map((host) => ({ host, plainHttp: false, ca: originCa })) },
      proxy: {
        enabled: true,
        port: 0,
        allow: [`127.0.0.1:${portOf(plain)}`, `127.0.0.1:${portOf(encrypted)}`],
        connectPorts: [443, portOf(encrypted)],
        intercept: [`localhost:${portOf(encrypted)}`],
        registries,
        rules,
        ...proxy,
      },
      ...more,
    }
    return lab.daemon(name, { config, env: { NODE_EXTRA_CA_CERTS: originCa } })
  }

  /** @returns what curl did; standard output is the status, then the wanted headers */
  async function curl(args: readonly string[], proxy: string = daemon.proxy): Promise<CurlAnswer> {
    const body = lab.path('body')
    const head = lab.path('head')
    const always = ['-sS', '--noproxy', '', '-m', '20', '-x', proxy, '-o', body, '-D', head, '-w', '%{http_code} %{http_connect}\n']
    await Promise.all([writeFile(body, ''), writeFile(head, '')])
    const { code, stdout, stderr } = await lab.program('curl', 'curl', [...always, ...args]).exited
    return { code, stderr, stdout: stdout.trim(), body: await readFile(body), head: await readFile(head, 'utf8') }
  }
  const http = (path: string): string => `http://127.0.0.1:${portOf(plain)}${path}`

  it('passes requests on without what concerns the connection', async () => {
    const { stdout, body, head, stderr } = await curl([http('/file'), '-H', 'proxy-connection: x', '-H', 'Proxy-Authorization: Basic eDp5'])
    assert.equal(stdout, '200 000', stderr)
    assert.ok(body.equals(CONTENT))
    assert.match(head, /x-of-the-origin: yes/)
    assert.doesNotMatch(head, /x-hop/)
    assert.deepEqual(asked, ['GET /file'])
  })

  it('leads tunnels to where nobody else can look in', async () => {
    const url = `https://127.0.0.1:${portOf(encrypted)}/secret/file`
    const { stdout, body, stderr } = await curl([url, '--cacert', originCa])
    assert.equal(stdout, '200 200', stderr)
    assert.ok(body.equals(CONTENT))
    assert.notEqual((await curl([url, '--cacert', ownCa])).code, 0)
  })

  it('ends the TLS of chosen hosts with a CA of its own, which may vouch for them alone', async () => {
    const url = `https://localhost:${portOf(encrypted)}`
    const { stdout, body, stderr } = await curl([`${url}/file`, '--cacert', ownCa])
    assert.equal(stdout, '200 200', stderr)
    assert.ok(body.equals(CONTENT))
    assert.notEqual((await curl([`${url}/file`, '--cacert', originCa])).code, 0)
    assert.equal((await curl([`${url}/secret/file`, '--cacert', ownCa])).stdout, '403 200')
    assert.equal((await curl([`${url}/file`, '--cacert', ownCa, '-H', 'Host: elsewhere.example'])).stdout, '400 200')
    assert.equal((await stat(join(daemon.dataDir, 'proxy-ca.json'))).mode & 0o777, 0o600)
    const text = await lab.program('openssl', 'openssl', ['x509', '-in', ownCa, '-noout', '-ext', 'nameConstraints']).exited
    assert.match(text.stdout, /critical[^]*Permitted:[^]*DNS:localhost/, text.stderr)
  })

  it('brings through the swarm what rules send there, from the origin once', async () => {
    for (const _ of [1, 2]) {
      const { stdout, body, stderr } = await curl([http('/swarm/file')])
      assert.equal(stdout, '200 000', stderr)
      assert.ok(body.equals(CONTENT))
    }
    assert.equal(asked.filter((line) => line.startsWith('GET')).length, 1, asked.join('\n'))
    const part = await curl([http('/swarm/file'), '-r', '10-18'])
    assert.equal(part.stdout, '206 000')
    assert.ok(part.body.equals(CONTENT.subarray(10, 19)))
    const { stdout, body } = await curl([`https://localhost:${portOf(encrypted)}/swarm/file`, '--cacert', ownCa])
    assert.equal(stdout, '200 200')
    assert.ok(body.equals(CONTENT))
  })

  it('blocks and redirects by rules', async () => {
    const refused = await curl([http('/blocked')])
    assert.equal(refused.stdout, '403 000')
    assert.match(refused.body.toString(), /"code":"BLOCKED"/)
    const redirected = await curl([http('/old/a?b')])
    assert.equal(redirected.stdout, '307 000')
    assert.match(redirected.head, new RegExp(`location: ${http('/new/a\\?b')}`))
    assert.deepEqual(asked, [])
  })

  it('reaches neither private targets, nor itself, nor other ports through tunnels', async () => {
    const refusal = async (args: readonly string[], status: string, code = 'PROXY_REFUSED'): Promise<void> => {
      const { stdout, head } = await curl(args)
      assert.equal(stdout, status, args.join(' '))
      assert.match(head, new RegExp(`x-damselfly-error: ${code}`))
    }
    await refusal(['http://127.0.0.1:1/'], '403 000')
    await refusal(['http://[::ffff:127.0.0.1]:1/'], '403 000')
    await refusal(['http://2130706433:1/'], '403 000')
    await refusal(['http://localhost:1/file'], '403 000')
    await refusal(['http://localhost:1/swarm/file'], '403 000')
    await refusal(['https://[::1]/'], '000 403')
    await refusal(['https://localhost/'], '000 403')
    await refusal(['https://1.1.1.1:22/'], '000 403')
    await refusal([daemon.proxy], '403 000')
    await refusal([daemon.mirror], '403 000')
    assert.deepEqual(asked, [])
  })

  it('lets in only those who log in, where users are set', async () => {
    const guarded = await startDaemon('guarded', { users: { user: 'secret' } })
    for (const args of [[http('/file')], [http('/file'), '-U', 'user:wrong']]) {
      const { stdout, head } = await curl(args, guarded.proxy)
      assert.equal(stdout, '407 000')
      assert.match(head, /proxy-authenticate: Basic realm=/)
    }
    assert.equal((await curl([`https://127.0.0.1:${portOf(encrypted)}/file`, '--cacert', originCa], guarded.proxy)).stdout, '000 407')
    assert.equal((await curl([http('/file'), '-H', `Proxy-Authorization: ${SECRET.authorization}`], guarded.proxy)).stdout, '200 000')
    assert.equal((await curl([`https://127.0.0.1:${portOf(encrypted)}/file`, '--cacert', originCa, '-U', 'user:secret'], guarded.proxy)).stdout, '200 200')
    assert.deepEqual(asked, ['GET /file', 'GET /file'])
    const { stderr, stdout } = await guarded.program.stop()
    assert.doesNotMatch(stderr + stdout, /secret|dXNlcjpzZWNyZXQ=/)
  })

  it('does not start as an open proxy', async () => {
    const config = lab.path('open.yaml')
    await writeFile(config, JSON.stringify({ dataDir: lab.path('open'), proxy: { enabled: true, address: '0.0.0.0', port: 0 } }))
    const { code, stderr } = await lab.own('dfdaemon', ['--config', config]).exited
    assert.equal(code, 2)
    assert.match(stderr, /proxy\.users.*CONFIG_INVALID/)
  })

  it('answers for registries as the mirror does', async function () {
    if (registry === undefined) this.skip()
    const server = registry
    const [layer] = image.layers
    for (const _ of [1, 2]) {
      const { stdout, body, stderr } = await curl([`https://${server.authority}/v2/team/app/blobs/${layer?.digest}`, '--cacert', ownCa])
      assert.equal(stdout, '200 200', stderr)
      assert.ok(layer !== undefined && body.equals(layer.bytes))
    }
    const fetched = server.answers.filter(({ method, path }) => method === 'GET' && path.includes(layer?.digest ?? ''))
    assert.equal(fetched.reduce((sum, { bytes }) => sum + bytes, 0), layer?.bytes.length)
  })

  it('ends tunnels within the grace time', async () => {
    const stopping = await startDaemon('stopping', {}, { stopGrace: '500ms' })
    const client = connect(Number(new URL(stopping.proxy).port), '127.0.0.1')
    client.write(`CONNECT 127.0.0.1:${portOf(encrypted)} HTTP/1.1\r\nhost: x\r\n\r\n`)
    const [first] = (await once(client, 'data')) as [Buffer]
    assert.match(first.toString(), /^HTTP\/1\.1 200 /)
    client.on('error', () => undefined).resume()
    const closed = once(client, 'close')
    stopping.program.kill('SIGTERM')
    await closed
    assert.equal((await stopping.program.exited).code, 0)
  })

  /** It has no TLS while the image is pushed to it. */
  async function registryWith(tls: TestCertificate): Promise<RegistryServer> {
    const storage = lab.path('registry')
    const open = await RegistryServer.start({ storage })
    await pushImage(new RegistryPush(open.authority, 'team/app'), '1', image)
    await open.stop()
    return await RegistryServer.start({ storage, tls })
  }
})

async function listening<T extends Server>(server: T): Promise<T> {
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return server
}

function portOf(server: Server): number {
  return (server.address() as AddressInfo).port
}
