import assert from 'node:assert/strict'
import { once } from 'node:events'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { createServer as createWebServer, type Server } from 'node:http'
import { createServer } from 'node:https'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { TLSSocket } from 'node:tls'
import { collect, systemClock } from '@damselfly/shared'
import { Secret } from '@damselfly/shared/config'
import { createHttpSource, type RegistryOptions } from '../../src/index.ts'
import { createOciSource } from '../../src/oci/oci-source.ts'
import { RegistryAccess } from '../../src/oci/registry-access.ts'
import { IDENTITY_TOKEN, REGISTRY_USER, selfSignedCertificate, TokenServer } from '../../src/testing/registry/index.ts'

const BLOB = Buffer.from('a blob')
const DIGEST = `sha256:${'0'.repeat(64)}`
const { signal } = new AbortController()

describe('the way to a registry', () => {
  const ending: (() => Promise<unknown>)[] = []
  let folder: string
  before(async () => void (folder = await mkdtemp(join(tmpdir(), 'damselfly-access-'))))
  after(() => rm(folder, { recursive: true }))
  afterEach(async () => {
    for (const end of ending.splice(0).toReversed()) await end()
  })

  async function listen(server: Server | ReturnType<typeof createServer>): Promise<string> {
    server.listen(0, '127.0.0.1')
    await once(server, 'listening')
    ending.push(async () => {
      server.closeAllConnections()
      server.close()
      await once(server, 'close')
    })
    return `127.0.0.1:${(server.address() as AddressInfo).port}`
  }

  async function read(registry: RegistryOptions, url = `oci://${registry.host}/app@${DIGEST}`, dockerConfig?: string): Promise<Buffer> {
    const httpInit = { policy: { trustRequestedHost: true } }
    const http = createHttpSource(httpInit)
    const oci = createOciSource({ access: new RegistryAccess({ http, checkedHttp: http, httpInit, registries: [registry], dockerConfig, clock: systemClock }) })
    try {
      return await collect((await oci.read({ url, headers: new Map(), signal })).body)
    } finally {
      await oci.close()
      await http.close()
    }
  }

  it('leads to another address where one is configured', async () => {
    const authority = await listen(createWebServer((request, response) => response.end(request.url === `/sub/v2/app/blobs/${DIGEST}` ? BLOB : 'wrong')))
    assert.deepEqual(await read({ host: 'registry.test', endpoint: `http://${authority}/sub/` }), BLOB)
  })

  describe('with TLS of its own', () => {
    it('trusts the CA of that registry, or anybody there', async () => {
      const tls = await selfSignedCertificate()
      const host = await listen(createServer(tls, (_request, response) => response.end(BLOB)))
      const ca = join(folder, 'ca.pem')
      await writeFile(ca, tls.cert)
      assert.deepEqual(await read({ host, ca }), BLOB)
      assert.deepEqual(await read({ host, insecure: true }), BLOB)
      await assert.rejects(read({ host, plainHttp: false }), { code: 'ORIGIN_TLS' })
    })

    it('shows its certificate to that registry alone, not to the store that it redirects to', async () => {
      const tls = await selfSignedCertificate()
      const own = await selfSignedCertificate()
      const shown: boolean[] = []
      const serving = { ...tls, requestCert: true, rejectUnauthorized: false }
      const store = await listen(
        createServer(serving, (request, response) => {
          shown.push(Object.keys((request.socket as TLSSocket).getPeerCertificate()).length > 0)
          response.end(BLOB)
        }),
      )
      const host = await listen(
        createServer(serving, (request, response) => {
          shown.push(Object.keys((request.socket as TLSSocket).getPeerCertificate()).length > 0)
          response.writeHead(307, { location: `https://${store}/blob` }).end()
        }),
      )
      const [ca, clientCertificate, clientKey] = ['ca.pem', 'cert.pem', 'key.pem'].map((name) => join(folder, name)) as [string, string, string]
      await writeFile(ca, tls.cert)
      await writeFile(clientCertificate, own.cert)
      await writeFile(clientKey, own.key)
      assert.deepEqual(await read({ host, ca, clientCertificate, clientKey }), BLOB)
      assert.deepEqual(shown, [true, false])
    })

    it('is refused when its files cannot be read', async () => {
      await assert.rejects(read({ host: 'x.test', ca: join(folder, 'missing.pem') }), { code: 'CONFIG_INVALID' })
    })
  })

  it('asks the registry again when the address that it gave is good no longer', async () => {
    let given = 0
    const store = await listen(createWebServer((request, response) => (request.url === '/2' ? response.end(BLOB) : response.writeHead(403).end())))
    const host = await listen(createWebServer((_request, response) => response.writeHead(307, { location: `http://${store}/${++given}` }).end()))
    assert.deepEqual(await read({ host }), BLOB)
    assert.equal(given, 2)
  })

  describe('to tokens', () => {
    let tokens: TokenServer
    let host: string
    beforeEach(async () => {
      tokens = await TokenServer.start(REGISTRY_USER)
      ending.push(() => tokens.stop())
      host = await listen(
        createWebServer((request, response) => {
          if (request.headers.authorization === undefined) response.writeHead(401, { 'www-authenticate': `Bearer realm="${tokens.realm}",service="tests"` }).end()
          else response.end(request.headers.authorization)
        }),
      )
    })
    const user = { username: REGISTRY_USER.username, password: new Secret(REGISTRY_USER.password) }

    it('is a GET, and a form where the server wants one', async () => {
      assert.match((await read({ host, ...user })).toString(), /^Bearer ey/)
      tokens.wantsForms = true
      assert.match((await read({ host, ...user })).toString(), /^Bearer ey/)
      assert.deepEqual(tokens.asked.map(({ method }) => method), ['GET', 'GET', 'POST'])
      const form = tokens.asked.at(-1)?.query
      assert.deepEqual([form?.get('scope'), form?.get('service'), form?.get('grant_type')], ['repository:app:pull', 'tests', 'password'])
    })

    it('is a form for an identity token, such as Docker keeps', async () => {
      const path = join(folder, 'config.json')
      await writeFile(path, JSON.stringify({ auths: { [host]: { identitytoken: IDENTITY_TOKEN } } }))
      assert.match((await read({ host }, undefined, path)).toString(), /^Bearer ey/)
      await writeFile(path, JSON.stringify({ auths: { [host]: { identitytoken: 'revoked' } } }))
      await assert.rejects(read({ host }, undefined, path), { code: 'ORIGIN_UNAUTHORIZED' })
    })

    it('is needless for who has one that the registry takes', async () => {
      assert.equal((await read({ host, token: new Secret('mine') })).toString(), 'Bearer mine')
      assert.equal(tokens.asked.length, 0)
    })
  })
})
