import * as z from 'zod'
import type { ManagementClient } from '../management/management-client.ts'
import type { WriteLine } from '../progress/reporter.ts'

const PATH = '/api/v1/tokens'

const caller = z.object({ kind: z.string(), name: z.string(), role: z.string(), scopes: z.array(z.string()).nullable() })
const token = z.object({
  id: z.string(),
  name: z.string(),
  role: z.string(),
  scopes: z.array(z.string()).nullable(),
  createdAt: z.string(),
  createdBy: z.string(),
  expiresAt: z.string().nullable(),
  lastUsedAt: z.string().nullable(),
  usesLeft: z.number().nullable().default(null),
})
const madeToken = token.extend({ token: z.string() })

/** The token alone on standard output, so that it can go into a file. */
export async function createToken(client: ManagementClient, body: object, json: boolean, write: WriteLine): Promise<void> {
  const made = await client.send('POST', PATH, body, madeToken)
  write(json ? JSON.stringify(made) : made.token)
}

export async function listTokens(client: ManagementClient, json: boolean, write: WriteLine): Promise<void> {
  const { tokens } = await client.get(PATH, {}, z.object({ tokens: z.array(token) }))
  for (const each of tokens) write(json ? JSON.stringify(each) : lineOf(each))
}

export async function revokeToken(client: ManagementClient, ids: readonly string[], json: boolean, write: WriteLine): Promise<void> {
  for (const id of ids) {
    await client.send('DELETE', `${PATH}/${encodeURIComponent(id)}`, undefined, z.undefined())
    write(json ? JSON.stringify({ action: 'revoke', id }) : `revoked ${id}`)
  }
}

export async function showCaller(client: ManagementClient, json: boolean, write: WriteLine): Promise<void> {
  const shown = await client.get('/api/v1/whoami', {}, caller)
  write(json ? JSON.stringify(shown) : `${shown.name}: ${rightsOf(shown)}`)
}

function lineOf(each: z.output<typeof token>): string {
  const { id, name, createdBy, expiresAt, lastUsedAt, usesLeft } = each
  const left = typeof usesLeft !== 'number' ? '' : `${usesLeft} uses left, `
  return `${id}  ${rightsOf(each)}, ${left}${expiresAt === null ? 'never expires' : `until ${minute(expiresAt)}`}, ${lastUsedAt === null ? 'never used' : `used ${minute(lastUsedAt)}`}, by ${createdBy}  ${name}`
}

function rightsOf({ role, scopes }: Pick<z.output<typeof token>, 'role' | 'scopes'>): string {
  return scopes === null ? role : `${role} (${scopes.join(', ')})`
}

function minute(time: string): string {
  return `${time.slice(0, 16)}Z`
}
