import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describeSourceClient } from '@damselfly/cdn/testing/source-client'
import { collect, formatDigest, systemClock, VirtualClock, type Clock, type HeaderMap } from '@damselfly/shared'
import { Secret } from '@damselfly/shared/config'
import { createHttpSource, type OriginRequest, type RegistryOptions, type SourceClient } from '../../src/index.ts'
import { createOciSource } from '../../src/oci/oci-source.ts'
import { RegistryAccess } from '../../src/oci/registry-access.ts'
import { createFaultOrigin, gather, generatedContent, type FaultOrigin, type OriginContent } from '../../src/testing/index.ts'
import { REGISTRY_USER, RegistryPush, RegistryServer, selfSignedCertificate, TokenServer, whyNoRegistryServer, type PushedImage } from '../../src/testing/registry/index.ts'

const digestOf = (bytes: string | Uint8Array): string => `sha256:${createHash('sha256').update(bytes).digest('hex')}`

interface ClientInit {
  readonly allow: readonly string[]
  readonly ca?: readonly string[]
  readonly registries?: readonly RegistryOptions[]
  readonly clock?: Clock
}

/** With an HTTP client of its own, which it closes. */
function createClient({ allow, ca, registries = [], clock }: ClientInit): SourceClient {
  const http = createHttpSource({ policy: { allow }, ca })
  const oci = createOciSource({ access: new RegistryAccess({ http, checkedHttp: http, registries, clock: clock ?? systemClock }) })
  const close = async (): Promise<void> => {
    await oci.close()
    await http.close()
  }
  const list = (request: OriginRequest): ReturnType<NonNullable<SourceClient['list']>> => oci.list?.(request) ?? assert.fail('no listing')
  return { schemes: oci.schemes, probe: (request) => oci.probe(request), read: (request) => oci.read(request), list, close }
}

describeSourceClient(
  'the OCI source client',
  async () => {
    const origin = await createFaultOrigin()
    const client = createClient({ allow: [origin.authority], registries: [{ host: origin.authority, plainHttp: true }] })
    const dispose = async (): Promise<void> => {
      await client.close()
      await origin.close()
    }
    const pathOf = (path: string): string => `/v2${path}/blobs/${digestOf(path)}`
    const blobs = {
      add: (path: string, content: OriginContent) => {
        origin.add(pathOf(path), content)
        return `oci://${origin.authority}${path}@${digestOf(path)}`
      },
      stats: (path: string) => origin.stats(pathOf(path)),
      when: (path: string, wanted: Parameters<typeof origin.when>[1]) => origin.when(pathOf(path), wanted),
      resume: (path: string) => origin.resume(pathOf(path)),
    }
    return { client, origin: blobs, dispose }
  },
  // What a digest names is the same for ever; the whole is compared with it in the end.
  { changes: false },
)

const requestFor = (url: string, more: Partial<OriginRequest> = {}): OriginRequest => {
  return { url, headers: new Map(), signal: new AbortController().signal, ...more }
}

describe('the OCI source client and real registries (docker-registry)', function () {
  this.timeout(120_000)
  let storage: string
  let image: PushedImage
  const layer = generatedContent(500_000)
  const platforms = ['linux/amd64', 'linux/arm/v7']
  const ending: (() => Promise<unknown>)[] = []

  before(async function () {
    if ((await whyNoRegistryServer()) !== undefined) return this.skip()
    storage = await mkdtemp(join(tmpdir(), 'damselfly-images-'))
    const server = await RegistryServer.start({ storage })
    image = await new RegistryPush(server.authority, 'team/app').image('v1', platforms, layer)
    await server.stop()
  })

  afterEach(async () => {
    for (const end of ending.splice(0).toReversed()) await end()
  })

  after(() => storage !== undefined && rm(storage, { recursive: true }))

  async function start(init: Omit<Parameters<typeof RegistryServer.start>[0] & object, 'storage'> = {}): Promise<RegistryServer> {
    const server = await RegistryServer.start({ ...init, storage })
    ending.push(() => server.stop())
    return server
  }

  function connect(init: ClientInit): SourceClient {
    const client = createClient(init)
    ending.push(() => client.close())
    return client
  }

  /** A layer, a part of it, a manifest and the whole listing. */
  async function servesAll(client: SourceClient, { authority }: RegistryServer, headers: HeaderMap = new Map()): Promise<void> {
    const base = `oci://${authority}/team/app`
    const url = `${base}@${image.layers[0]?.digest}`
    const { contentLength, validators } = await client.probe(requestFor(url, { headers }))
    assert.equal(contentLength, layer.length)
    const part = await client.read(requestFor(url, { headers, range: { start: 9, end: 99 }, ifMatch: validators }))
    assert.deepEqual(await collect(part.body), layer.subarray(9, 100))
    const manifest = await client.read(requestFor(`${base}@${image.index.digest}`, { headers }))
    assert.equal(digestOf(await collect(manifest.body)), image.index.digest)
    const listed = await gather(client.list?.(requestFor(`${base}:v1`, { headers })))
    const expected = [image.index, ...image.manifests.values(), ...image.configs.values(), ...image.layers]
    const sorted = (blobs: readonly { readonly digest: string; readonly size: number | undefined }[]): string[] =>
      blobs.map(({ digest, size }) => `${digest} ${size}`).toSorted()
    assert.deepEqual(sorted(listed.map(({ size, digest }) => ({ size, digest: formatDigest(digest ?? assert.fail('no digest')) }))), sorted(expected))
    assert.ok(listed.every(({ url: each, digest }) => each === `${base}@${formatDigest(digest ?? assert.fail('no digest'))}`))
  }

  it('serves blobs, parts of them, manifests and listings', async () => {
    const server = await start()
    await servesAll(connect({ allow: ['127.0.0.1'], registries: [{ host: server.authority, plainHttp: true }] }), server)
  })

  it('does so over TLS', async () => {
    const tls = await selfSignedCertificate()
    const server = await start({ tls })
    const registries = [{ host: server.authority, plainHttp: false }]
    await servesAll(connect({ allow: ['127.0.0.1'], ca: [tls.cert], registries }), server)
    await assert.rejects(gather(connect({ allow: ['127.0.0.1'], registries }).list?.(requestFor(`oci://${server.authority}/team/app`))), { code: 'ORIGIN_TLS' })
  })

  describe('that want a password', () => {
    const basic = `Basic ${Buffer.from('tester:secret').toString('base64')}`

    it('get the configured one', async () => {
      const server = await start({ auth: { type: 'passwords' } })
      const user = { username: REGISTRY_USER.username, password: new Secret(REGISTRY_USER.password) }
      await servesAll(connect({ allow: ['127.0.0.1'], registries: [{ host: server.authority, plainHttp: true, ...user }] }), server)
    })

    it("get the caller's own", async () => {
      const server = await start({ auth: { type: 'passwords' } })
      const client = connect({ allow: ['127.0.0.1'], registries: [{ host: server.authority, plainHttp: true }] })
      await assert.rejects(client.probe(requestFor(`oci://${server.authority}/team/app@${image.index.digest}`)), { code: 'ORIGIN_UNAUTHORIZED' })
      await servesAll(client, server, new Map([['authorization', basic]]))
    })

    it('refuse a wrong one', async () => {
      const server = await start({ auth: { type: 'passwords' } })
      const user = { username: REGISTRY_USER.username, password: new Secret('wrong') }
      const client = connect({ allow: ['127.0.0.1'], registries: [{ host: server.authority, plainHttp: true, ...user }] })
      await assert.rejects(client.read(requestFor(`oci://${server.authority}/team/app@${image.index.digest}`)), { code: 'ORIGIN_UNAUTHORIZED' })
    })
  })

  describe('that want a token', () => {
    let tokens: TokenServer
    beforeEach(async () => {
      tokens = await TokenServer.start(REGISTRY_USER)
      ending.push(() => tokens.stop())
    })

    const withTokens = (): Promise<RegistryServer> =>
      start({ auth: { type: 'tokens', realm: tokens.realm, service: 'the tests', issuer: 'tests', bundle: tokens.certificate.cert } })
    const settingsFor = ({ authority: host }: RegistryServer): RegistryOptions =>
      ({ host, plainHttp: true, username: REGISTRY_USER.username, password: new Secret(REGISTRY_USER.password) })

    it('get one, which serves for all of a repository', async () => {
      const server = await withTokens()
      await servesAll(connect({ allow: ['127.0.0.1'], registries: [settingsFor(server)] }), server)
      assert.equal(tokens.asked.length, 1)
      assert.equal(tokens.asked[0]?.query.get('service'), 'the tests')
      assert.equal(tokens.asked[0]?.query.get('scope'), 'repository:team/app:pull')
    })

    it('get a new one before the old one ends', async () => {
      const server = await withTokens()
      const clock = new VirtualClock()
      const client = connect({ allow: ['127.0.0.1'], registries: [settingsFor(server)], clock })
      const probe = (): Promise<unknown> => client.probe(requestFor(`oci://${server.authority}/team/app@${image.layers[0]?.digest}`))
      await Promise.all([probe(), probe(), probe()])
      assert.equal(tokens.asked.length, 1)
      clock.advance(269_000)
      await probe()
      assert.equal(tokens.asked.length, 1)
      clock.advance(2_000)
      await probe()
      assert.equal(tokens.asked.length, 2)
    })

    it("get none for a caller whom the token server refuses, and another caller's is not used", async () => {
      const server = await withTokens()
      const client = connect({ allow: ['127.0.0.1'], registries: [settingsFor(server)] })
      const url = `oci://${server.authority}/team/app@${image.layers[0]?.digest}`
      await client.probe(requestFor(url))
      const stranger = new Map([['authorization', `Basic ${Buffer.from('a:b').toString('base64')}`]])
      await assert.rejects(client.probe(requestFor(url, { headers: stranger })), { code: 'ORIGIN_UNAUTHORIZED' })
    })
  })

  it('lists some platforms, and tells which there are', async () => {
    const server = await start()
    const client = connect({ allow: ['127.0.0.1'], registries: [{ host: server.authority, plainHttp: true }] })
    const list = (...chosen: string[]) => gather(client.list?.({ ...requestFor(`oci://${server.authority}/team/app:v1`), platforms: chosen }))
    const digests = (await list('linux/arm')).map(({ digest }) => formatDigest(digest ?? assert.fail('no digest')))
    const [first, , own] = image.layers
    const arm = [image.index, image.manifests.get('linux/arm/v7'), image.configs.get('linux/arm/v7'), first, own]
    assert.deepEqual(digests, arm.map((blob) => blob?.digest))
    await assert.rejects(list('plan9/mips'), { code: 'ORIGIN_NOT_FOUND', message: /there is linux\/amd64, linux\/arm\/v7$/ })
  })

  it('tells what is not there', async () => {
    const server = await start()
    const client = connect({ allow: ['127.0.0.1'], registries: [{ host: server.authority, plainHttp: true }] })
    const base = `oci://${server.authority}/team/app`
    await assert.rejects(client.read(requestFor(`${base}@${digestOf('nothing')}`)), { code: 'ORIGIN_NOT_FOUND' })
    await assert.rejects(gather(client.list?.(requestFor(`${base}:none`))), { code: 'ORIGIN_NOT_FOUND' })
    await assert.rejects(client.read(requestFor(`${base}:v1`)), { code: 'URL_REFUSED', message: /give the digest of one/ })
  })
})

describe('the OCI source client and dishonest servers', () => {
  let registry: FaultOrigin
  let other: FaultOrigin
  let client: SourceClient
  const digest = digestOf('blob')
  const path = `/v2/app/blobs/${digest}`
  const url = (): string => `oci://${registry.authority}/app@${digest}`

  beforeEach(async () => {
    registry = await createFaultOrigin()
    other = await createFaultOrigin()
    const user = { username: 'tester', password: new Secret('secret') }
    client = createClient({ allow: ['127.0.0.1'], registries: [{ host: registry.authority, plainHttp: true, ...user }] })
  })
  afterEach(async () => {
    await client.close()
    await registry.close()
    await other.close()
  })

  it('takes no password or token along to the store that a registry redirects to', async () => {
    const caller = new Map([['authorization', 'Bearer me']])
    registry.add(path, { requireHeader: ['authorization', 'Bearer me'], redirectTo: other.add('/store', { size: 9 }) })
    const { body } = await client.read(requestFor(url(), { headers: caller }))
    assert.deepEqual(await collect(body), generatedContent(9))
    assert.equal(other.stats('/store').headers[0]?.authorization, undefined)
  })

  it('does not answer when the store asks for a password', async () => {
    registry.add(path, { redirectTo: other.add('/store', { status: 401, headers: { 'www-authenticate': `Bearer realm="${other.url('/token')}"` } }) })
    await assert.rejects(client.read(requestFor(url())), { code: 'ORIGIN_UNAUTHORIZED' })
    assert.equal(other.stats('/token').gets, 0)
    // An address that was no longer good would have been another one the second time.
    assert.equal(registry.stats(path).gets, 2)
  })

  for (const [what, realm] of [['no URL', 'nonsense'], ['a URL of another kind', 'file:///etc/passwd']] as const) {
    it(`refuses a token server that is ${what}`, async () => {
      registry.add(path, { status: 401, headers: { 'www-authenticate': `Bearer realm="${realm}"` } })
      await assert.rejects(client.read(requestFor(url())), { code: 'ORIGIN_UNAUTHORIZED' })
    })
  }

  for (const [what, body] of [['no JSON', 'x'], ['no token', '{}'], ['a token that would be two headers', '{"token":"a\\r\\nb: c"}'], ['too much', ' '.repeat(300_000)]] as const) {
    it(`refuses ${what} from a token server`, async () => {
      const realm = registry.add('/token', { body: Buffer.from(body) })
      registry.add(path, { status: 401, headers: { 'www-authenticate': `Bearer realm="${realm}"` } })
      await assert.rejects(client.read(requestFor(url())), { code: 'ORIGIN_STATUS' })
    })
  }

  it('asks no token server at a private address for a registry that is none', async () => {
    const checkedHttp = createHttpSource({ policy: {} })
    const http = createHttpSource({ policy: { trustRequestedHost: true } })
    const realm = other.add('/token', { body: Buffer.from('{"token":"t"}') }).replace('127.0.0.1', 'localhost')
    registry.add(path, { status: 401, headers: { 'www-authenticate': `Bearer realm="${realm}"` } })
    const access = new RegistryAccess({ http, checkedHttp, registries: [{ host: registry.authority, plainHttp: true }], clock: systemClock })
    const guarded = createOciSource({ access })
    await assert.rejects(guarded.read(requestFor(url())), { code: 'ORIGIN_FORBIDDEN' })
    assert.equal(other.stats('/token').gets, 0)
    for (const each of [guarded, http]) await each.close()
  })

  it('refuses a manifest that is another than its digest says, and what is none', async () => {
    const manifest = digestOf('manifest')
    registry.add(`/v2/app/manifests/${manifest}`, { body: Buffer.from('{"manifests":[]}') })
    await assert.rejects(gather(client.list?.(requestFor(`oci://${registry.authority}/app@${manifest}`))), { code: 'DIGEST_MISMATCH' })
    registry.add('/v2/app/manifests/latest', { body: Buffer.from('<html>') })
    await assert.rejects(gather(client.list?.(requestFor(`oci://${registry.authority}/app`))), { code: 'ORIGIN_STATUS' })
    registry.add('/v2/app/manifests/latest', { size: 5 * 1024 ** 2 })
    await assert.rejects(gather(client.list?.(requestFor(`oci://${registry.authority}/app`))), { code: 'ORIGIN_STATUS', message: /sent more than/ })
  })
})
