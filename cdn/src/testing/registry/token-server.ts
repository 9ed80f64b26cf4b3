import { createPrivateKey, randomUUID, sign } from 'node:crypto'
import { once } from 'node:events'
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { text } from 'node:stream/consumers'
import { selfSignedCertificate, type TestCertificate } from '../self-signed.ts'

export interface TokenQuestion {
  readonly method: string
  /** Of a POST its form. */
  readonly query: URLSearchParams
  readonly authorization: string | undefined
}

/** What lets the user in without a password. */
export const IDENTITY_TOKEN = 'an-identity-token'

async function questionOf(request: IncomingMessage): Promise<TokenQuestion> {
  const { method = '', url = '', headers } = request
  const query = method === 'POST' ? new URLSearchParams(await text(request)) : new URL(url, 'http://x').searchParams
  return { method, query, authorization: headers.authorization }
}

/** Gives signed tokens to one user, as a registry's operator would run it. */
export class TokenServer {
  readonly asked: TokenQuestion[] = []
  readonly certificate: TestCertificate
  /** Whether it takes forms only, as OAuth 2 has it. */
  wantsForms = false
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
    const isRight = ({ query, authorization }: TokenQuestion): boolean =>
      authorization === basic ||
      (query.get('grant_type') === 'password' && query.get('username') === username && query.get('password') === password) ||
      (query.get('grant_type') === 'refresh_token' && query.get('refresh_token') === IDENTITY_TOKEN)
    server.on('request', (request: IncomingMessage, response: ServerResponse) => {
      void questionOf(request).then((question) => {
        tokens.asked.push(question)
        if (question.method === 'GET' && tokens.wantsForms) response.writeHead(405).end()
        else if (!isRight(question)) response.writeHead(question.method === 'POST' ? 400 : 401).end()
        else {
          const token = tokens.#token(question.query)
          response.end(JSON.stringify({ token, access_token: token, expires_in: tokens.expiresIn }))
        }
      })
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
