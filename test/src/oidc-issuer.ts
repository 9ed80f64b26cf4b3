import { generateKeyPairSync } from 'node:crypto'
import { once } from 'node:events'
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'

/** It brings no types. */
const PACKAGE: string = 'oidc-provider'

interface OidcProvider {
  readonly Provider: new (
    issuer: string,
    configuration: Readonly<Record<string, unknown>>,
  ) => { callback(): (request: IncomingMessage, response: ServerResponse) => Promise<void> }
}

const CLIENT = 'damselfly-ci'
const SECRET = 'a secret of the test'

/** The real one of the package `oidc-provider`, on loopback; it gives tokens to one client for its credentials. */
export class OidcIssuer {
  readonly url: string
  /** What its tokens are for. */
  readonly audience = 'damselfly'
  readonly #server: Server

  private constructor(server: Server, url: string) {
    this.#server = server
    this.url = url
  }

  /** @param roles what the claim `roles` of its tokens holds */
  static async start(roles: () => readonly string[]): Promise<OidcIssuer> {
    const { Provider } = (await import(PACKAGE)) as OidcProvider
    const server = createServer()
    server.listen(0, '127.0.0.1')
    await once(server, 'listening')
    const issuer = new OidcIssuer(server, `http://127.0.0.1:${(server.address() as AddressInfo).port}`)
    const key = { ...generateKeyPairSync('rsa', { modulusLength: 2048 }).privateKey.export({ format: 'jwk' }), alg: 'RS256', use: 'sig', kid: 'test' }
    const resource = { scope: '', audience: issuer.audience, accessTokenFormat: 'jwt', accessTokenTTL: 600, jwt: { sign: { alg: 'RS256' } } }
    const provider = new Provider(issuer.url, {
      clients: [{ client_id: CLIENT, client_secret: SECRET, grant_types: ['client_credentials'], redirect_uris: [], response_types: [] }],
      jwks: { keys: [key] },
      features: {
        devInteractions: { enabled: false },
        clientCredentials: { enabled: true },
        resourceIndicators: { enabled: true, defaultResource: () => 'urn:damselfly', getResourceServerInfo: () => resource },
      },
      extraTokenClaims: () => ({ roles: roles() }),
    })
    const answer = provider.callback()
    server.on('request', (request, response) => void answer(request, response))
    return issuer
  }

  /** By the flow of client credentials. */
  async token(): Promise<string> {
    const authorization = `Basic ${Buffer.from(`${CLIENT}:${encodeURIComponent(SECRET)}`).toString('base64')}`
    const response = await fetch(`${this.url}/token`, { method: 'POST', headers: { authorization }, body: new URLSearchParams({ grant_type: 'client_credentials' }) })
    const answer = (await response.json()) as { access_token?: string }
    if (answer.access_token === undefined) throw new Error(`the issuer gave no token: ${JSON.stringify(answer)}`)
    return answer.access_token
  }

  async stop(): Promise<void> {
    this.#server.close()
    this.#server.closeAllConnections()
    await once(this.#server, 'close')
  }
}
