import { join } from 'node:path'
import { messageOf, type Clock } from '@damselfly/shared'
import type { Logger } from '@damselfly/shared/logging'
import * as z from 'zod'
import { entryHead, ExpiringList } from '../kept/expiring-list.ts'
import { roleName, scopeName, type Caller, type Role, type Scope } from './roles.ts'
import { formatToken, hashSecret, makeSecret, parseToken, provesHash } from './token-text.ts'

/** A use is recorded when the last recorded one is so long ago, so that requests cost no writes; milliseconds. */
const USE_STEP_MS = 10 * 60_000

/** The hash of no secret: a wrong id takes as long as a wrong secret. */
const NO_HASH = '0'.repeat(64)

/** What is kept of a token: never its secret. */
export const apiToken = z.object({
  ...entryHead.shape,
  name: z.string(),
  role: roleName,
  scopes: z.array(scopeName).nullable(),
  hash: z.string().regex(/^[0-9a-f]{64}$/),
  createdBy: z.string(),
  lastUsedAt: z.iso.datetime().nullable(),
  /** Peers that may still join with it; null: any number. */
  usesLeft: z.number().int().min(0).nullable().default(null),
})
export type ApiToken = z.output<typeof apiToken>

export interface NewToken {
  readonly name: string
  readonly role: Role
  /** Null: every part that the role opens. */
  readonly scopes: readonly Scope[] | null
  /** ISO 8601; null: until it is revoked. */
  readonly expiresAt: string | null
  /** Of a join token: how many peers it lets in; null: any number. */
  readonly usesLeft: number | null
  readonly createdBy: string
}

export interface ApiTokensInit {
  readonly dataDir: string
  readonly clock: Clock
  readonly logger: Logger
}

/** The tokens that people made, until they expire or are revoked. */
export class ApiTokens {
  readonly #kept: ExpiringList<ApiToken>
  readonly #clock: Clock
  readonly #logger: Logger

  constructor({ dataDir, clock, logger }: ApiTokensInit) {
    const noun = { name: 'token', missing: 'TOKEN_NOT_FOUND' } as const
    this.#kept = new ExpiringList({ file: join(dataDir, 'tokens.json'), schema: apiToken, noun, clock })
    this.#clock = clock
    this.#logger = logger
  }

  /** @throws DamselflyError CONFIG_INVALID, DISK_DENIED, DISK_FAILED */
  async load(): Promise<void> {
    await this.#kept.load()
  }

  /** Those that count. */
  list(): readonly ApiToken[] {
    return this.#kept.list().filter(({ id }) => this.#kept.get(id) !== undefined)
  }

  has(id: string): boolean {
    return this.#kept.get(id) !== undefined
  }

  /** @returns the token itself, which nobody can be told again. @throws DamselflyError USAGE when there are too many; as the disk fails */
  async create({ scopes, ...given }: NewToken): Promise<{ readonly token: ApiToken; readonly text: string }> {
    const secret = makeSecret()
    const token = await this.#kept.add({ ...given, scopes: scopes === null ? null : [...scopes], hash: hashSecret(secret), lastUsedAt: null })
    return { token, text: formatToken({ id: token.id, secret }) }
  }

  /** Holds when it returns. @throws DamselflyError TOKEN_NOT_FOUND; as the disk fails */
  async revoke(id: string): Promise<void> {
    await this.#kept.remove(id)
  }

  /** Called when tokens were made, revoked or have expired. */
  onChange(listener: () => void): void {
    this.#kept.onChange(listener)
  }

  /** Whose token this is; undefined for one that does not count (any more). */
  find(text: string): ApiToken | undefined {
    const words = parseToken(text)
    if (words === undefined) return undefined
    const token = this.#kept.get(words.id)
    const isProved = provesHash(words.secret, token?.hash ?? NO_HASH)
    if (token === undefined || !isProved) return undefined
    this.#used(token)
    return token
  }

  /** Uses a join token up for one peer. @returns undefined for one that does not count (any more), and for tokens of other roles */
  redeem(text: string): ApiToken | undefined {
    const token = this.find(text)
    if (token?.role !== 'peer' || token.usesLeft === 0) return undefined
    if (token.usesLeft !== null) this.#amend({ ...token, usesLeft: token.usesLeft - 1, lastUsedAt: new Date(this.#clock.wallTime()).toISOString() })
    return token
  }

  async stop(): Promise<void> {
    await this.#kept.stop()
  }

  #used(token: ApiToken): void {
    const now = this.#clock.wallTime()
    if (token.lastUsedAt !== null && now - Date.parse(token.lastUsedAt) < USE_STEP_MS) return
    this.#amend({ ...token, lastUsedAt: new Date(now).toISOString() })
  }

  #amend(token: ApiToken): void {
    this.#kept.amend(token).catch((error: unknown) => {
      this.#logger.warn({ token: token.id, reason: messageOf(error) }, 'the use of a token could not be recorded')
    })
  }
}

export function callerOf({ id, name, role, scopes }: ApiToken): Caller {
  return { kind: 'token', name: `${name} (${id})`, role, ...(scopes === null ? {} : { scopes }) }
}
