import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { isDamselflyError, VirtualClock, type ErrorCode } from '@damselfly/shared'
import { exportJWK, generateKeyPair, SignJWT, UnsecuredJWT, type JWTHeaderParameters } from 'jose'
import { managementSettings } from '../../src/config/management-config.ts'
import { OidcTokens } from '../../src/access/oidc/oidc-tokens.ts'
import type { Caller } from '../../src/access/roles.ts'

const MINUTE_MS = 60_000

type Keys = Awaited<ReturnType<typeof generateKeyPair>>

/** Answers discovery and keys, and counts how often it is asked for them. */
class Issuer {
  url = ''
  keys: { readonly kid: string; readonly pair: Keys }[] = []
  asked = 0
  isDown = false
  named: string | undefined
  readonly #server: Server = createServer((request, response) => {
    if (this.isDown) return void response.writeHead(503).end()
    response.setHeader('content-type', 'application/json')
    if (request.url === '/.well-known/openid-configuration') return void response.end(JSON.stringify({ issuer: this.named ?? this.url, jwks_uri: `${this.url}/jwks` }))
    this.asked++
    void this.#jwks().then((jwks) => response.end(JSON.stringify(jwks)))
  })

  async start(): Promise<void> {
    this.#server.listen(0, '127.0.0.1')
    await once(this.#server, 'listening')
    this.url = `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`
    await this.addKey('first')
  }

  async addKey(kid: string): Promise<void> {
    this.keys.push({ kid, pair: await generateKeyPair('ES256') })
  }

  stop(): void {
    this.#server.close()
    this.#server.closeAllConnections()
  }

  async #jwks(): Promise<object> {
    return { keys: await Promise.all(this.keys.map(async ({ kid, pair }) => ({ ...(await exportJWK(pair.publicKey)), kid, alg: 'ES256', use: 'sig' }))) }
  }
}

describe('tokens of an OIDC issuer', () => {
  let issuer: Issuer
  let clock: VirtualClock
  let tokens: OidcTokens

  const create = (more: object = {}): Promise<OidcTokens> => {
    const given = { issuer: issuer.url, audience: 'damselfly', roles: { admin: ['chiefs'], viewer: ['staff', 'guests'] }, ...more }
    const { oidc } = managementSettings.parse({ oidc: given })
    return OidcTokens.create(oidc ?? assert.fail(), clock)
  }

  beforeEach(async () => {
    issuer = new Issuer()
    clock = new VirtualClock(Date.UTC(2026, 0, 1))
    await issuer.start()
    tokens = await create()
  })
  afterEach(() => issuer.stop())

  interface Signing {
    /** Undefined: without the claim. */
    readonly claims?: Readonly<Record<string, unknown>>
    readonly header?: Partial<JWTHeaderParameters>
    readonly by?: Keys
  }

  const seconds = (): number => clock.wallTime() / 1000

  const sign = async ({ claims = {}, header = {}, by }: Signing = {}): Promise<string> => {
    const { kid, pair } = issuer.keys.at(-1) ?? assert.fail()
    const payload = { iss: issuer.url, aud: 'damselfly', sub: 'ada', exp: seconds() + 600, roles: ['staff'], ...claims }
    return await new SignJWT(payload).setProtectedHeader({ alg: 'ES256', kid, ...header }).sign((by ?? pair).privateKey)
  }

  const callerOf = async (signing: Signing = {}): Promise<Caller> => tokens.callerOf(await sign(signing))
  const refuses = (caller: Promise<unknown>, code: ErrorCode = 'UNAUTHORIZED', words = /./): Promise<void> =>
    assert.rejects(caller, (error) => isDamselflyError(error, code) && words.test(error.message))

  it('give the role that their claim has, the highest of several', async () => {
    const host = new URL(issuer.url).host
    assert.deepEqual(await callerOf(), { kind: 'oidc', name: `ada (${host})`, role: 'viewer' })
    assert.equal((await callerOf({ claims: { roles: ['guests', 'chiefs', 'others'] } })).role, 'admin')
    assert.equal((await callerOf({ claims: { roles: 'others staff' } })).role, 'viewer')
    tokens = await create({ rolesClaim: 'realm_access.roles', nameClaim: 'email' })
    assert.deepEqual(await callerOf({ claims: { realm_access: { roles: ['chiefs'] }, email: 'ada@x\n.example' } }), { kind: 'oidc', name: `ada@x?.example (${host})`, role: 'admin' })
    tokens = await create({ rolesClaim: 'https://example.org/roles' })
    assert.equal((await callerOf({ claims: { 'https://example.org/roles': ['staff'] } })).role, 'viewer')
    assert.equal(issuer.asked, 3)
  })

  it('are refused without a role', async () => {
    for (const roles of [undefined, [], ['nobody'], 'nobody', { chiefs: true }, ['Chiefs'], [['chiefs']], 7]) await refuses(callerOf({ claims: { roles } }), 'UNAUTHORIZED', /gives no role/)
    for (const rolesClaim of ['constructor.name', '__proto__', 'roles.length']) {
      tokens = await create({ rolesClaim, roles: { admin: ['Object', 'chiefs', '1'] } })
      await refuses(callerOf(), 'UNAUTHORIZED', /gives no role/)
    }
  })

  it('are refused from others, for others, too late, too early, and without an end', async () => {
    await callerOf()
    const wrong = [
      { iss: 'https://evil.example' },
      { iss: `${issuer.url}/` },
      { aud: 'other' },
      { aud: undefined },
      { exp: seconds() - 31 },
      { exp: undefined },
      { nbf: seconds() + 31 },
    ]
    for (const claims of wrong) await refuses(callerOf({ claims }))
    await callerOf({ claims: { exp: seconds() - 29, nbf: seconds() + 29, aud: ['other', 'damselfly'] } })
  })

  it('are refused when another key signed, nobody did, or in a way that is not allowed', async () => {
    await refuses(callerOf({ by: await generateKeyPair('ES256') }))
    await refuses(tokens.callerOf(new UnsecuredJWT({ iss: issuer.url, aud: 'damselfly', roles: ['chiefs'], exp: seconds() + 600 }).encode()))
    // The public key as a secret that everybody knows.
    const known = new TextEncoder().encode(JSON.stringify(await exportJWK((issuer.keys[0] ?? assert.fail()).pair.publicKey)))
    await refuses(tokens.callerOf(await new SignJWT({ iss: issuer.url, aud: 'damselfly', roles: ['chiefs'], exp: seconds() + 600 }).setProtectedHeader({ alg: 'HS256', kid: 'first' }).sign(known)))
    tokens = await create({ algorithms: ['RS256'] })
    await refuses(callerOf())
    tokens = await create()
    await refuses(callerOf({ header: { typ: 'logout+jwt' } }), 'UNAUTHORIZED', /logout\+jwt/)
    const [head, body, signature] = (await sign()).split('.')
    const changed = Buffer.from(JSON.stringify({ ...(JSON.parse(Buffer.from(body ?? '', 'base64url').toString()) as object), roles: ['chiefs'] })).toString('base64url')
    await refuses(tokens.callerOf([head, changed, signature].join('.')))
  })

  it('are known by a new key of the issuer at once, and by a removed one not for long', async () => {
    const old = await sign({ claims: { exp: seconds() + 86_400 } })
    await tokens.callerOf(old)
    clock.advance(30_000)
    await issuer.addKey('second')
    await callerOf()
    assert.equal(issuer.asked, 2)
    issuer.keys.shift()
    await tokens.callerOf(old)
    clock.advance(10 * MINUTE_MS)
    await refuses(tokens.callerOf(old))
  })

  it('make nobody ask the issuer more often than twice a minute', async () => {
    await callerOf()
    for (let i = 0; i < 25; i++) {
      await refuses(callerOf({ header: { kid: `unknown ${i}` } }))
      clock.advance(4000)
    }
    assert.ok(issuer.asked <= 5, String(issuer.asked))
    await Promise.all(Array.from({ length: 20 }, async () => callerOf()))
    assert.ok(issuer.asked <= 5, String(issuer.asked))
  })

  it('say so while the issuer cannot be asked, count for an hour longer, and again when it is back', async () => {
    issuer.isDown = true
    await refuses(callerOf(), 'ISSUER_UNREACHABLE', /503/)
    issuer.isDown = false
    await refuses(callerOf(), 'ISSUER_UNREACHABLE')
    clock.advance(30_000)
    await callerOf()
    issuer.isDown = true
    clock.advance(59 * MINUTE_MS)
    await callerOf()
    clock.advance(MINUTE_MS)
    await refuses(callerOf(), 'ISSUER_UNREACHABLE')
    issuer.isDown = false
    clock.advance(MINUTE_MS)
    await callerOf()
  })

  it('do not count when somebody else answers in the place of the issuer', async () => {
    issuer.named = 'https://other.example'
    await refuses(callerOf(), 'ISSUER_UNREACHABLE', /calls itself https:\/\/other\.example/)
  })

  it('are checked before anybody is asked, and need a safe issuer', async () => {
    assert.deepEqual(['a.b.c', 'dfly_0_x', 'a.b', 'a.b.c.d', '..'].map((text) => tokens.accepts(text)), [true, false, false, false, false])
    for (const url of ['http://sso.example', 'ftp://sso.example', 'https://u:p@sso.example', 'https://sso.example?x', 'nonsense']) await assert.rejects(async () => create({ issuer: url }), url)
  })
})
