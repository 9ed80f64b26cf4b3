import { readFile } from 'node:fs/promises'
import { DamselflyError, diskError, isDamselflyError, messageOf, type Clock } from '@damselfly/shared'
import { jwtVerify, type JWTPayload } from 'jose'
import type { OidcSettings } from '../../config/management-config.ts'
import type { Caller, Role } from '../roles.ts'
import { shownName } from '../shown-name.ts'
import { IssuerKeys } from './issuer-keys.ts'

/** Three parts in base64url, as no token of ours has. */
const JWT = /^[\w-]+\.[\w-]+\.[\w-]+$/

/** What a token says that it is; others, such as one that announces a logout, prove nothing here. */
const TYPES: ReadonlySet<string> = new Set(['jwt', 'at+jwt', 'application/at+jwt'])

/** Of several roles the one that may most. */
const BY_RIGHTS: readonly Role[] = ['admin', 'operator', 'viewer', 'peer']

/** Tokens of an issuer that people log in at. */
export class OidcTokens {
  readonly #settings: OidcSettings
  readonly #keys: IssuerKeys
  readonly #clock: Clock

  private constructor(settings: OidcSettings, keys: IssuerKeys, clock: Clock) {
    this.#settings = settings
    this.#keys = keys
    this.#clock = clock
  }

  /** @throws DamselflyError DISK_DENIED, DISK_FAILED when the file of the CA cannot be read */
  static async create(settings: OidcSettings, clock: Clock): Promise<OidcTokens> {
    const { issuer, caFile } = settings
    const ca = caFile === undefined ? undefined : await readCa(caFile)
    return new OidcTokens(settings, new IssuerKeys({ issuer, ca, clock }), clock)
  }

  /** Whether it is one of them by its looks. */
  accepts(token: string): boolean {
    return JWT.test(token)
  }

  /** @throws DamselflyError UNAUTHORIZED; ISSUER_UNREACHABLE */
  async callerOf(token: string): Promise<Caller> {
    const payload = await this.#verified(token)
    const { nameClaim, issuer } = this.#settings
    const name = shownName(`${textOf(claimOf(payload, nameClaim)) ?? textOf(payload.sub) ?? 'somebody'} (${new URL(issuer).host})`)
    const role = this.#roleOf(payload)
    if (role === undefined) throw new DamselflyError('UNAUTHORIZED', `the token of ${name} gives no role: its claim ${this.#settings.rolesClaim} has none of those in management.oidc.roles`)
    return { kind: 'oidc', name, role }
  }

  async #verified(token: string): Promise<JWTPayload> {
    const { issuer, audience, algorithms, clockTolerance } = this.#settings
    try {
      const { payload, protectedHeader } = await jwtVerify(token, this.#keys.keyFor, {
        issuer,
        audience,
        algorithms: [...algorithms],
        clockTolerance: clockTolerance / 1000,
        currentDate: new Date(this.#clock.wallTime()),
        requiredClaims: ['exp'],
      })
      const type = protectedHeader.typ?.toLowerCase() ?? 'jwt'
      if (!TYPES.has(type)) throw new Error(`it is a ${type}`)
      return payload
    } catch (error) {
      if (isDamselflyError(error)) throw error
      throw new DamselflyError('UNAUTHORIZED', `the token of the issuer is not valid: ${shownName(messageOf(error))}`, { cause: error })
    }
  }

  #roleOf(payload: JWTPayload): Role | undefined {
    const { rolesClaim, roles } = this.#settings
    const claimed = claimOf(payload, rolesClaim)
    const given = new Set(typeof claimed === 'string' ? claimed.split(' ') : Array.isArray(claimed) ? claimed : [])
    return BY_RIGHTS.find((role) => roles[role].some((value) => given.has(value)))
  }
}

/** @param name of a claim, which may hold dots itself; or a path to one within others, by dots */
function claimOf(payload: JWTPayload, name: string): unknown {
  if (Object.hasOwn(payload, name)) return payload[name]
  let value: unknown = payload
  for (const part of name.split('.')) {
    if (typeof value !== 'object' || value === null || !Object.hasOwn(value, part)) return undefined
    value = (value as Readonly<Record<string, unknown>>)[part]
  }
  return value
}

function textOf(value: unknown): string | undefined {
  return typeof value === 'string' && value !== '' ? value : undefined
}

async function readCa(path: string): Promise<string> {
  try {
    return await readFile(path, 'utf8')
  } catch (error) {
    throw diskError(error, `read ${path}`)
  }
}
