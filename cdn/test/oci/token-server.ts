import { createPrivateKey, randomUUID, sign } from 'node:crypto'
import { once } from 'node:events'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { selfSignedCertificate, type TestCertificate } from '../../src/testing/self-signed.ts'

export interface TokenQuestion {
  readonly query: URLSearchParams
  readonly authorization: string | undefined
}

/** Gives signed tokens to one user, as a registry's operator would run it. */
export class TokenServer {
  readonly asked: TokenQuestion[] = []
  readonly certificate: TestCertificate
  /** Seconds that it says a token lasts. */
  expiresIn = 300
  readonly #server: Server

  private constructor(server: Server, certificate: TestCertificate) {
    this.#server = server
    this.certificate = certificate
  }

  static async start({ username, password }: { readonly username: string; readonly password: string }): Promise<TokenServer> {
    const server = createServer()
    server.listen(0, '127.0.0.1')
    await once(server, 'listening')
    const basic = `Basic ${Buffer.from(`${username}:${password}`).toString('base64')}`
    const tokens = new TokenServer(server, await selfSignedCertificate())
    server.on('request', ({ url = '', headers }, response) => {
      const { searchParams: query } = new URL(url, 'http://x')
      tokens.asked.push({ query, authorization: headers.authorization })
      if (headers.authorization !== basic) response.writeHead(401).end()
      else response.end(JSON.stringify({ token: tokens.#token(query), expires_in: tokens.expiresIn }))
    })
    return tokens
  }

  get realm(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}/token`
  }

  async stop(): Promise<void> {
    const closed = once(this.#server, 'close')
    this.#server.close()
    this.#server.closeAllConnections()
    await closed
  }

  #token(query: URLSearchParams): string {
    const { cert, key } = this.certificate
    const [, name = '', actions = ''] = /^repository:(.*):(.*)$/.exec(query.get('scope') ?? '') ?? []
    const now = Math.floor(Date.now() / 1000)
    const header = { typ: 'JWT', alg: 'ES256', x5c: [cert.replaceAll(/-----[^-]+-----|\s/g, '')] }
    const access = [{ type: 'repository', name, actions: actions.split(',') }]
    const claims = { iss: 'tests', sub: 'tester', aud: query.get('service'), exp: now + 300, nbf: now - 5, iat: now, jti: randomUUID(), access }
    const signed = [header, claims].map((part) => Buffer.from(JSON.stringify(part)).toString('base64url')).join('.')
    const signature = sign('sha256', Buffer.from(signed), { key: createPrivateKey(key), dsaEncoding: 'ieee-p1363' })
    return `${signed}.${signature.toString('base64url')}`
  }
}
