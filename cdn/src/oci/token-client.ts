import { DamselflyError, redactUrl } from '@damselfly/shared'
import * as z from 'zod'
import { collectWithin } from '../collect-within.ts'
import type { SourceClient } from '../source-client.ts'

export interface TokenRequest {
  /** Of the server that gives tokens, with what is asked for in its query. */
  readonly url: URL
  /** Whose challenge named that server. */
  readonly registry: URL
  readonly authorization: string | undefined
}

export interface Token {
  readonly token: string
  /** How long it may be used; milliseconds. */
  readonly lifetimeMs: number
}

export interface TokenClientInit {
  /** For a server on the same host as its registry. */
  readonly http: SourceClient
  /** For all others: whither a registry sends is not whither its caller wanted to go, so private addresses are refused. */
  readonly checkedHttp: SourceClient
  /** Ends what is under way. */
  readonly signal: AbortSignal
}

/** An answer with a token is never longer; bytes. */
const MAX_ANSWER = 256 * 1024
/** What the specification says where the answer does not; seconds. */
const USUAL_LIFETIME = 60
/** The longest that a token is trusted without asking anew; seconds. */
const LONGEST_LIFETIME = 3600
/** Of its lifetime a token is used for this part, so that it does not end on the way. */
const USABLE = 0.9

const TOKEN = /^[\x21-\x7e]+$/
const answerSchema = z.object({
  token: z.string().regex(TOKEN).optional(),
  access_token: z.string().regex(TOKEN).optional(),
  expires_in: z.number().positive().optional(),
})

/** Fetches tokens from the servers that registries name for it. */
export class TokenClient {
  readonly #init: TokenClientInit

  constructor(init: TokenClientInit) {
    this.#init = init
  }

  /** @throws DamselflyError ORIGIN_UNAUTHORIZED, ORIGIN_STATUS, or as the source client of HTTP does */
  async fetch({ url, registry, authorization }: TokenRequest): Promise<Token> {
    const { http, checkedHttp, signal } = this.#init
    const headers = new Map(authorization === undefined ? [] : [['authorization', authorization]])
    const client = url.hostname === registry.hostname ? http : checkedHttp
    const { body } = await client.read({ url: url.href, headers, signal })
    return readToken(await collectWithin(body, MAX_ANSWER, redactUrl(url.href)), redactUrl(url.href))
  }
}

function readToken(bytes: Buffer, shown: string): Token {
  const answer = answerSchema.safeParse(jsonOf(bytes)).data
  const token = answer?.token ?? answer?.access_token
  if (answer === undefined || token === undefined) throw new DamselflyError('ORIGIN_STATUS', `${shown} answered without a token`)
  const seconds = Math.min(answer.expires_in ?? USUAL_LIFETIME, LONGEST_LIFETIME)
  return { token, lifetimeMs: seconds * 1000 * USABLE }
}

function jsonOf(bytes: Buffer): unknown {
  try {
    return JSON.parse(bytes.toString('utf8'))
  } catch {
    return undefined
  }
}
