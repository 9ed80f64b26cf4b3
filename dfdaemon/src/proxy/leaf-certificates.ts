import { generateKeyPairSync } from 'node:crypto'
import { createSecureContext, type SecureContext } from 'node:tls'
import { serverCertificate, type Authority } from '@damselfly/exchange/authority'
import type { Clock } from '@damselfly/shared'
import { LRUCache } from 'lru-cache'

const DAY_MS = 86_400_000
const LIFETIME_MS = 30 * DAY_MS
/** One is replaced before it ends; milliseconds. */
const USED_MS = 15 * DAY_MS
/** Hosts that are remembered; others get a new one each time. */
const REMEMBERED = 256

/** What is shown to clients in the stead of hosts. */
export class LeafCertificates {
  readonly #authority: Authority
  readonly #clock: Clock
  readonly #key = generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey
  readonly #contexts = new LRUCache<string, { readonly until: number; readonly context: Promise<SecureContext> }>({ max: REMEMBERED })

  constructor(authority: Authority, clock: Clock) {
    this.#authority = authority
    this.#clock = clock
  }

  /** @param host a name or an address */
  async contextFor(host: string): Promise<SecureContext> {
    const now = this.#clock.wallTime()
    const known = this.#contexts.get(host)
    if (known !== undefined && known.until > now) return await known.context
    const context = this.#create(host, now)
    context.catch(() => this.#contexts.delete(host))
    this.#contexts.set(host, { until: now + USED_MS, context })
    return await context
  }

  async #create(host: string, now: number): Promise<SecureContext> {
    const cert = await serverCertificate({ names: [host], organization: 'Damselfly proxy', key: this.#key }, this.#authority, now, LIFETIME_MS)
    return createSecureContext({ cert, key: this.#key.export({ format: 'pem', type: 'pkcs8' }), minVersion: 'TLSv1.2' })
  }
}
