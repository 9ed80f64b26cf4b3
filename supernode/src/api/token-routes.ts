import { DamselflyError, type Clock, type PeerId } from '@damselfly/shared'
import { apiErrorBody, isoTime, type ApiServer } from '@damselfly/shared/http-api'
import * as z from 'zod'
import type { ApiToken, ApiTokens } from '../access/api-tokens.ts'
import { CALLER_KINDS, ROLES, SCOPES, roleName, scopeName, type Caller, type Scope } from '../access/roles.ts'

const TOKENS_PATH = '/api/v1/tokens'

/** Unless its maker says otherwise; milliseconds. */
const USUAL_LIFETIME_MS = 90 * 86_400_000

export interface TokenSources {
  /** The supernode's own. */
  readonly peerId: PeerId
  readonly tokens: ApiTokens
  readonly clock: Clock
}

const tokenBody = z.object({
  id: z.string(),
  name: z.string(),
  role: roleName,
  scopes: z.array(scopeName).nullable().describe('null: every part that the role opens'),
  createdAt: z.iso.datetime(),
  createdBy: z.string(),
  expiresAt: z.iso.datetime().nullable().describe('null: until it is revoked'),
  lastUsedAt: z.iso.datetime().nullable().describe('To ten minutes; null: never'),
  usesLeft: z.number().nullable().describe('Of a join token: peers that may still join with it; null: any number'),
})

const newTokenBody = z.strictObject({
  name: z.string().min(1).max(100).describe('Whom or what it is for'),
  role: roleName.describe('`viewer` reads; `operator` changes too; `admin` manages access; `peer` makes a join token, which lets peers in and opens nothing of the API'),
  scopes: z.array(scopeName).min(1).max(SCOPES.length).optional().describe('Parts of the API that it is confined to; absent: all that the role opens'),
  expiresAt: z.iso.datetime().nullable().optional().describe('null: until it is revoked; absent: in 90 days'),
  uses: z.number().int().min(1).max(1_000_000).optional().describe('Of a join token: how many peers it lets in; absent: any number'),
})

const callerBody = z.object({
  kind: z.enum(CALLER_KINDS).describe('By what the caller is known'),
  name: z.string(),
  role: z.enum(ROLES),
  scopes: z.array(scopeName).nullable(),
})

export function addTokenRoutes(app: ApiServer, { tokens, peerId, clock }: TokenSources): void {
  app.get(
    '/api/v1/whoami',
    { schema: { description: 'Who the caller is and what it may do.', response: { 200: callerBody, 401: apiErrorBody } } },
    async ({ caller }) => {
      const { kind, name, role, scopes = null } = known(caller)
      return { kind, name, role, scopes: scopes === null ? null : [...scopes] }
    },
  )
  app.get(
    TOKENS_PATH,
    { schema: { description: 'Tokens that count.', response: { 200: z.object({ tokens: z.array(tokenBody) }), '4xx': apiErrorBody } } },
    async () => ({ tokens: tokens.list().map(bodyOf) }),
  )
  app.post(
    TOKENS_PATH,
    {
      schema: {
        description: 'Makes a token. It is told this once: only its hash is kept.',
        body: newTokenBody,
        response: { 201: tokenBody.extend({ token: z.string().describe('To be sent as `Authorization: Bearer …`') }), '4xx': apiErrorBody },
      },
    },
    async ({ body, caller }, reply) => {
      const { name, role, uses, scopes = null, expiresAt = isoTime(clock.wallTime() + USUAL_LIFETIME_MS) } = body
      const maker = known(caller)
      refuseMoreThan(maker, scopes)
      if (uses !== undefined && role !== 'peer') throw new DamselflyError('USAGE', 'only tokens of the role peer have a number of uses')
      const { token, text } = await tokens.create({ name, role, scopes, expiresAt, usesLeft: uses ?? null, createdBy: maker.name })
      return reply.code(201).send({ ...bodyOf(token), token: role === 'peer' ? `${text}.${peerId}` : text })
    },
  )
  app.delete(
    `${TOKENS_PATH}/:id`,
    {
      schema: {
        description: 'Revokes a token. Holds at once.',
        params: z.object({ id: z.string().max(64) }),
        response: { 204: z.null(), '4xx': apiErrorBody },
      },
    },
    async ({ params: { id } }, reply) => {
      await tokens.revoke(id)
      return reply.code(204).send(null)
    },
  )
}

function bodyOf({ id, name, role, scopes, createdAt, createdBy, expiresAt, lastUsedAt, usesLeft }: ApiToken): z.output<typeof tokenBody> {
  return { id, name, role, scopes, createdAt, createdBy, expiresAt, lastUsedAt, usesLeft }
}

/** Nobody opens to others what is closed to itself. @throws DamselflyError FORBIDDEN */
function refuseMoreThan({ name, scopes: own }: Caller, wanted: readonly Scope[] | null): void {
  if (own === undefined || wanted?.every((scope) => own.includes(scope)) === true) return
  throw new DamselflyError('FORBIDDEN', `${name} is confined to ${own.join(', ')}, and so are the tokens that it makes`)
}

function known(caller: Caller | undefined): Caller {
  if (caller === undefined) throw new DamselflyError('UNAUTHORIZED', 'no token was sent')
  return caller
}
