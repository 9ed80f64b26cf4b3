import { request as requestPlain, type IncomingMessage } from 'node:http'
import { request as requestSecure } from 'node:https'
import { once } from 'node:events'
import { DamselflyError, isDamselflyError, messageOf, type Clock } from '@damselfly/shared'
import { createLocalJWKSet, errors, type JWSHeaderParameters, type FlattenedJWSInput, type CryptoKey } from 'jose'
import * as z from 'zod'

/** For one answer of the issuer; milliseconds. */
const PATIENCE_MS = 5000
const MOST_BYTES = 512 * 1024

/** Keys are asked for again after this long, so that one that was taken back does not count for ever; milliseconds. */
const FRESH_MS = 10 * 60_000

/** While the issuer cannot be reached, keys count for so long; milliseconds. */
const USABLE_MS = 60 * 60_000

/** The issuer is asked no more often than this, whatever tokens come; milliseconds. */
const COOL_DOWN_MS = 30_000

const discovery = z.object({ issuer: z.string(), jwks_uri: z.url({ protocol: /^https?$/ }) })
const keySet = z.object({ keys: z.array(z.looseObject({ kty: z.string() })).max(100) })

type KeyOf = ReturnType<typeof createLocalJWKSet>

export interface IssuerKeysInit {
  readonly issuer: string
  /** Whom the issuer's own certificate leads to (PEM); undefined: those of the system. */
  readonly ca: string | undefined
  readonly clock: Clock
}

interface Known {
  readonly keyOf: KeyOf
  readonly at: number
}

/**
 * The keys that an issuer signs with, by discovery. Fetched when they are first needed, when they got old, and when a token names
 * one that is not there; never more often than the cool-down allows, so that nobody makes the supernode flood the issuer. Kept by
 * the clock of the program and with limits on what is read, which is why the fetching of `jose` is not used.
 */
export class IssuerKeys {
  readonly #init: IssuerKeysInit
  #known: Known | undefined
  #triedAt = Number.NEGATIVE_INFINITY
  #failure: DamselflyError | undefined
  #fetching: Promise<void> | undefined

  constructor(init: IssuerKeysInit) {
    this.#init = init
  }

  /** As `jose` asks for a key. @throws DamselflyError ISSUER_UNREACHABLE; errors.JWKSNoMatchingKey */
  readonly keyFor = async (header: JWSHeaderParameters, token: FlattenedJWSInput): Promise<CryptoKey> => {
    const { clock } = this.#init
    if (this.#known === undefined || clock.now() - this.#known.at >= FRESH_MS) await this.#fetchUnlessCooling()
    const known = this.#usable()
    try {
      return await known.keyOf(header, token)
    } catch (error) {
      if (!(error instanceof errors.JWKSNoMatchingKey)) throw error
      // The issuer may have a new one.
      await this.#fetchUnlessCooling()
      return await this.#usable().keyOf(header, token)
    }
  }

  #usable(): Known {
    if (this.#known !== undefined && this.#init.clock.now() - this.#known.at < USABLE_MS) return this.#known
    throw this.#failure ?? unreachable(this.#init.issuer, 'it has not answered yet')
  }

  /** One request for all who wait. */
  async #fetchUnlessCooling(): Promise<void> {
    const { clock } = this.#init
    if (this.#fetching === undefined && clock.now() - this.#triedAt < COOL_DOWN_MS) return
    this.#fetching ??= this.#fetch().finally(() => (this.#fetching = undefined))
    await this.#fetching
  }

  async #fetch(): Promise<void> {
    const { issuer, clock } = this.#init
    this.#triedAt = clock.now()
    try {
      const found = discovery.parse(await this.#json(new URL(`${issuer.replace(/\/$/, '')}/.well-known/openid-configuration`)))
      if (found.issuer !== issuer) throw new Error(`it calls itself ${found.issuer}`)
      const keysUrl = new URL(found.jwks_uri)
      if (keysUrl.protocol === 'http:' && new URL(issuer).protocol === 'https:') throw new Error('its keys are at a URL without TLS')
      const keys = keySet.parse(await this.#json(keysUrl))
      this.#known = { keyOf: createLocalJWKSet(keys), at: clock.now() }
      this.#failure = undefined
    } catch (error) {
      this.#failure = isDamselflyError(error) ? error : unreachable(issuer, messageOf(error), error)
    }
  }

  /** Follows no redirect: the configuration names the issuer itself. */
  async #json(url: URL): Promise<unknown> {
    const options = { agent: false as const, signal: AbortSignal.timeout(PATIENCE_MS), headers: { accept: 'application/json' } }
    const { ca } = this.#init
    const request = url.protocol === 'https:' ? requestSecure(url, { ...options, ...(ca === undefined ? {} : { ca }) }) : requestPlain(url, options)
    // What fails once there is an answer is told by that.
    request.on('error', () => undefined).end()
    const [response] = (await once(request, 'response')) as [IncomingMessage]
    const parts: Buffer[] = []
    let bytes = 0
    for await (const part of response as AsyncIterable<Buffer>) {
      bytes += part.length
      if (bytes > MOST_BYTES) throw new Error(`${url.href} answers with more than ${MOST_BYTES} bytes`)
      parts.push(part)
    }
    if (response.statusCode !== 200) throw new Error(`${url.href} answers ${response.statusCode ?? 0}`)
    return JSON.parse(Buffer.concat(parts).toString())
  }
}

function unreachable(issuer: string, reason: string, cause?: unknown): DamselflyError {
  return new DamselflyError('ISSUER_UNREACHABLE', `the keys of ${issuer} cannot be read, so its tokens cannot be checked: ${reason}`, { cause })
}
