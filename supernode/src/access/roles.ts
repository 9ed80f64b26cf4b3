import * as z from 'zod'

/** What a caller may do: read; change contents, peers and rules; manage access too. A `peer` may only ask who it is. */
export const ROLES = ['viewer', 'operator', 'admin', 'peer'] as const
export type Role = (typeof ROLES)[number]

/** Parts of the management API that a token may be confined to. */
export const SCOPES = ['contents', 'preheats', 'peers', 'rules', 'metrics', 'access'] as const
export type Scope = (typeof SCOPES)[number]

export const roleName = z.enum(ROLES)
export const scopeName = z.enum(SCOPES)

/** By what callers are known. */
export const CALLER_KINDS = ['admin-token', 'token', 'certificate', 'oidc'] as const
export type CallerKind = (typeof CALLER_KINDS)[number]

/** Who asks, once that is proved. */
export interface Caller {
  /** By what it is proved. */
  readonly kind: CallerKind
  /** As the audit log shows it. */
  readonly name: string
  readonly role: Role
  /** Undefined: every part. */
  readonly scopes?: readonly Scope[] | undefined
}

/** The least that a route asks of its caller. */
export type Requirement =
  /** Nothing: it tells no secrets. */
  | 'open'
  /** Anything that is valid, a peer's token too. */
  | 'anybody'
  | { readonly role: Exclude<Role, 'peer'>; readonly scope?: Scope }

const RANKS: Readonly<Record<Role, number>> = { peer: 0, viewer: 1, operator: 2, admin: 3 }

export function isAllowed({ role, scopes }: Caller, requirement: Requirement): boolean {
  if (requirement === 'open' || requirement === 'anybody') return true
  const { role: least, scope } = requirement
  return RANKS[role] >= RANKS[least] && (scope === undefined || scopes === undefined || scopes.includes(scope))
}
