import { DamselflyError } from '@damselfly/shared'
import { nearestName } from '@damselfly/shared/config'
import { exportedFunction, isInstead, isObject, problemsOfMembers, type Exported, type MemberKind } from '@damselfly/shared/modules'
import type { PieceOrderPolicy } from '../policies/piece-order.ts'
import type { SchedulerPolicies } from '../policies/policies.ts'
import type { CreatePolicies, PolicySet } from './policy-module.ts'

/** What each member of a policy has to be. */
type Shape<T> = { readonly [K in keyof T]-?: undefined extends T[K] ? 'function?' : 'function' }
type Shapes = { readonly [P in keyof Omit<SchedulerPolicies, 'pieceOrders'>]: Shape<SchedulerPolicies[P]> }

const PIECE_ORDER: Shape<PieceOrderPolicy> = { choose: 'function' }
const PIECE_ORDERS: Readonly<Record<keyof SchedulerPolicies['pieceOrders'], Shape<PieceOrderPolicy>>> = {
  'rarest-first': PIECE_ORDER,
  'in-order': PIECE_ORDER,
}
const POLICIES: Shapes = {
  parentChoice: { choose: 'function' },
  admission: { isSlow: 'function', admits: 'function' },
  uploadSlots: { control: 'function' },
  turns: { isBackgroundsTurn: 'function' },
  blocklist: {
    failed: 'function',
    caught: 'function?',
    succeeded: 'function',
    pairBlockedUntil: 'function',
    blockedUntil: 'function',
    blockedFor: 'function',
    blockedForAll: 'function',
    childrenWithBlocks: 'function',
    expire: 'function',
    pardon: 'function?',
    nextExpiry: 'function',
    entries: 'function',
  },
}

/** @param exported the names and values that the module exports @throws DamselflyError CONFIG_INVALID */
export function checkModule(exported: Exported): CreatePolicies {
  return exportedFunction(exported, 'createPolicies') as CreatePolicies
}

/** @param made what `createPolicies` gave @throws DamselflyError CONFIG_INVALID naming every problem, one per line */
export function checkPolicies(made: unknown): PolicySet {
  const problems = problemsOf(made)
  if (problems.length > 0) throw new DamselflyError('CONFIG_INVALID', problems.join('\n'))
  return made as PolicySet
}

function problemsOf(made: unknown): readonly string[] {
  if (!isObject(made)) return [`what createPolicies returns ${isInstead(made, 'object with policies')}`]
  const { pieceOrders, ...policies } = made
  const problems = problemsWithin(policies, POLICIES, '', ['pieceOrders'])
  if (pieceOrders === undefined) return problems
  if (!isObject(pieceOrders)) return [...problems, `pieceOrders ${isInstead(pieceOrders, 'object with piece orders')}`]
  return [...problems, ...problemsWithin(pieceOrders, PIECE_ORDERS, 'pieceOrders.', [])]
}

function problemsWithin(
  found: Readonly<Record<string, unknown>>,
  shapes: Readonly<Record<string, Readonly<Record<string, MemberKind>>>>,
  prefix: string,
  others: readonly string[],
): string[] {
  const known = [...Object.keys(shapes), ...others]
  return Object.entries(found).flatMap(([name, policy]) => {
    const shape = shapes[name]
    if (shape === undefined) return [`${prefix}${name}: there is no such policy; ${suggestion(name, known)}`]
    return policy === undefined ? [] : problemsOfMembers(policy, shape, `${prefix}${name}`)
  })
}

function suggestion(name: string, known: readonly string[]): string {
  const nearest = nearestName(name, known)
  return nearest === undefined ? `there are ${known.join(', ')}` : `did you mean '${nearest}'?`
}
