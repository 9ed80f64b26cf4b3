import type { LookupFunction } from 'node:net'
import { DamselflyError, redactUrl, systemClock, type ByteFlow, type Clock } from '@damselfly/shared'
import type { OriginInfo, OriginRequest, OriginResponse, SourceClient } from '../source-client.ts'
import { isStrongEtag, sameValidators } from '../validators.ts'
import type { Method } from './body-framing.ts'
import { createConnector, type OriginIdentity } from './guarded-connector.ts'
import { HttpClient, type HttpAnswer } from './http-client.ts'
import { requestError, statusError } from './http-errors.ts'
import { DEFAULT_HTTP_SOURCE_LIMITS, type HttpSourceLimits } from './limits.ts'
import { OriginGate, type OriginPolicy } from './origin-policy.ts'
import { isRedirect, RedirectTrail } from './redirect-trail.ts'
import { requestHeaders } from './request-headers.ts'
import { header } from './response-head.ts'
import { readAnswer, readUnchanged, validatorsOf, type ContentAnswer } from './response-info.ts'

export interface HttpSourceInit {
  readonly policy: OriginPolicy
  readonly limits?: Partial<HttpSourceLimits> | undefined
  /** PEM certificates that are trusted besides the usual ones. */
  readonly ca?: readonly string[] | undefined
  /** Hosts (`host`, `*.domain`, `host:port`) whose TLS certificate is not verified. @default [] */
  readonly insecure?: readonly string[] | undefined
  /** Certificates to show to origins. @default none */
  readonly identities?: readonly OriginIdentity[] | undefined
  /** @default `damselfly` */
  readonly userAgent?: string | undefined
  /** Resolves host names. @default the system's resolver */
  readonly lookup?: LookupFunction | undefined
  /** @default the system's */
  readonly clock?: Clock | undefined
}

/**
 * A source client for `http:` and `https:`.
 *
 * @throws DamselflyError CONFIG_INVALID when a rule of the policy cannot be read
 */
export function createHttpSource(init: HttpSourceInit): SourceClient {
  return new HttpSource(init)
}

/** Refusals of HEAD by origins that would answer GET; 403 is how presigned URLs put it. */
const HEAD_REFUSED = new Set([400, 403, 405, 501])

/** How stores put it that an address is no longer good, besides 401. */
const REFUSALS = new Set([400, 401, 403])

/** Of a body that nobody wants, what is read so that the connection can be used again; bytes. */
const DISCARD_LIMIT = 16 * 1024

class HttpSource implements SourceClient {
  readonly schemes: readonly string[] = ['http:', 'https:']
  readonly #limits: HttpSourceLimits
  readonly #userAgent: string
  readonly #trustRequestedHost: boolean
  // Apart, since a connection that was opened unchecked must never serve a request that is to be checked.
  readonly #checked: HttpClient
  readonly #trusted: HttpClient

  constructor(init: HttpSourceInit) {
    this.#limits = { ...DEFAULT_HTTP_SOURCE_LIMITS, ...init.limits }
    this.#userAgent = init.userAgent ?? 'damselfly'
    this.#trustRequestedHost = init.policy.trustRequestedHost ?? false
    const connector = { ca: init.ca ?? [], insecure: init.insecure ?? [], identities: init.identities ?? [], lookup: init.lookup }
    const clock = init.clock ?? systemClock
    const gate = new OriginGate(init.policy.allow ?? [])
    this.#checked = new HttpClient(createConnector(connector, gate), this.#limits, clock)
    this.#trusted = new HttpClient(createConnector(connector, undefined), this.#limits, clock)
  }

  async probe(request: OriginRequest): Promise<OriginInfo> {
    const whole = { ...request, range: undefined, ifMatch: undefined }
    const head = await this.#send('HEAD', whole)
    discard(head)
    const unchanged = unchangedOf(head, whole)
    if (unchanged !== undefined) return unchanged
    if (!HEAD_REFUSED.has(head.status)) return contentOf(head, undefined).info
    return await this.#probeByGet(whole)
  }

  async read(request: OriginRequest): Promise<OriginResponse> {
    const answer = await this.#send('GET', { ...request, known: undefined })
    try {
      const { info, body } = contentOf(answer, request)
      if (request.ifMatch !== undefined) checkSame(answer, info, request)
      return { ...info, start: body.start, bodyLength: body.length, body: answer.body(body.length) }
    } catch (error) {
      discard(answer)
      throw error
    }
  }

  async close(): Promise<void> {
    await Promise.all([this.#checked.close(), this.#trusted.close()])
  }

  /** The first byte tells as much as a HEAD; a whole body that comes in its place is not read. */
  async #probeByGet(whole: OriginRequest): Promise<OriginInfo> {
    const first = { ...whole, range: { start: 0, end: 0 } }
    const answer = await this.#send('GET', first)
    try {
      // An empty content has no first byte.
      if (answer.status === 416) return emptyContent(answer)
      return unchangedOf(answer, first) ?? contentOf(answer, first).info
    } finally {
      if (answer.status === 200) answer.body().cancel()
      else discard(answer)
    }
  }

  async #send(method: Method, request: OriginRequest): Promise<HttpAnswer> {
    let trail = new RedirectTrail(request.url, request.headers, this.#limits.maxRedirects)
    for (let mayBeExpired = true; ; ) {
      const answer = await this.#sendOnce(method, trail, request)
      // An address that is good for minutes may have been given out again when they were over.
      if (mayBeExpired && REFUSALS.has(answer.status) && !trail.isAtRequestedOrigin) {
        mayBeExpired = false
        discard(answer)
        trail = new RedirectTrail(request.url, request.headers, this.#limits.maxRedirects)
        continue
      }
      if (answer.status === 401) throw refusal(answer, trail)
      if (!isRedirect(answer.status)) return answer
      discard(answer)
      const location = header(answer.headers, 'location')
      if (location === '') throw new DamselflyError('ORIGIN_REDIRECTS', `${trail.shown} redirects to nowhere`)
      trail.follow(location)
    }
  }

  async #sendOnce(method: Method, trail: RedirectTrail, request: OriginRequest): Promise<HttpAnswer> {
    const { url, shown } = trail
    const wish = { range: request.range, ifMatch: request.ifMatch, known: request.known }
    const headers = requestHeaders(trail.headers, this.#userAgent, wish)
    const client = this.#trustRequestedHost && trail.isAtRequestedHost ? this.#trusted : this.#checked
    try {
      return await client.request({ method, url, headers, signal: request.signal, shown })
    } catch (error) {
      request.signal.throwIfAborted()
      throw requestError(error, shown)
    }
  }
}

/** An origin that was redirected to may not ask for what proves a caller to another. */
function refusal(answer: HttpAnswer, { isAtRequestedOrigin, shown }: RedirectTrail): DamselflyError {
  discard(answer)
  const challenge = isAtRequestedOrigin ? (answer.headers.get('www-authenticate') ?? []).join(', ') : ''
  return statusError(answer.status, shown, '', challenge)
}

/** @returns undefined for every status but 304, and where nothing was known */
function unchangedOf({ status, headers }: HttpAnswer, { known }: OriginRequest): OriginInfo | undefined {
  return status === 304 && known !== undefined ? readUnchanged(headers, known) : undefined
}

/** @throws DamselflyError for every status but 200 and 206 */
function contentOf(answer: HttpAnswer, request: OriginRequest | undefined): ContentAnswer {
  const { status, headers, shown } = answer
  if (status !== 200 && status !== 206) throw statusError(status, shown, header(headers, 'retry-after'))
  return readAnswer(status, headers, request?.range, shown)
}

/** @throws DamselflyError ORIGIN_CHANGED */
function checkSame(answer: HttpAnswer, info: OriginInfo, request: OriginRequest): void {
  const wanted = request.ifMatch ?? { etag: '', lastModified: '' }
  const same = sameValidators(wanted, info.validators)
  // A whole answer to If-Range that does not show the tag is one to a content that has another.
  const unproven = same === undefined && answer.status === 200 && isStrongEtag(wanted.etag)
  if (same === false || unproven) {
    throw new DamselflyError('ORIGIN_CHANGED', `${redactUrl(request.url)} has another content than before`)
  }
}

function emptyContent(answer: HttpAnswer): OriginInfo {
  const { headers } = answer
  if (header(headers, 'content-range').trim() !== 'bytes */0') throw statusError(416, answer.shown, '')
  return { contentLength: 0, acceptsRanges: true, validators: validatorsOf(headers) }
}

/** Ends an answer whose body is not wanted, keeping the connection if little of it is left. */
function discard(answer: HttpAnswer): void {
  const body = answer.body()
  drain(body).catch(() => undefined)
}

async function drain(body: ByteFlow): Promise<void> {
  let left = DISCARD_LIMIT
  await body.pipe((bytes) => {
    left -= bytes.length
    if (left < 0) body.cancel()
    return undefined
  })
}
