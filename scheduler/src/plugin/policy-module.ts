import type { PieceOrder } from '../contract.ts'
import type { PieceOrderPolicy } from '../policies/piece-order.ts'
import type { SchedulerPolicies } from '../policies/policies.ts'

/** Any of the policies; for those that are left out the defaults stay. */
export interface PolicySet extends Partial<Omit<SchedulerPolicies, 'pieceOrders'>> {
  readonly pieceOrders?: Partial<Readonly<Record<PieceOrder, PieceOrderPolicy>>>
}

/** Makes the policies of one scheduler. @param defaults those that are replaced, to be built upon */
export type CreatePolicies = (defaults: SchedulerPolicies) => PolicySet | Promise<PolicySet>

/** What a module with policies exports. */
export interface PolicyModule {
  readonly createPolicies: CreatePolicies
}
