import type { PieceOrder } from '../contract.ts'
import { type AdmissionPolicy, spareAdmission } from './admission.ts'
import { adaptiveSlots } from './adaptive-slots.ts'
import { BackoffBlocklist } from './backoff-blocklist.ts'
import type { Blocklist } from './blocklist.ts'
import { nearestLeastLoaded, type ParentChoicePolicy } from './parent-choice.ts'
import { inOrder, type PieceOrderPolicy, rarestFirst } from './piece-order.ts'
import { foregroundFirst, type TurnsPolicy } from './turns.ts'
import type { UploadSlotsPolicy } from './upload-slots.ts'

/** All that a scheduler leaves to policies. */
export interface SchedulerPolicies {
  /** @default rarestFirst(), and inOrder() for children that stream */
  readonly pieceOrders: Readonly<Record<PieceOrder, PieceOrderPolicy>>
  /** @default nearestLeastLoaded() */
  readonly parentChoice: ParentChoicePolicy
  /** @default spareAdmission() */
  readonly admission: AdmissionPolicy
  /** @default adaptiveSlots() */
  readonly uploadSlots: UploadSlotsPolicy
  /** @default foregroundFirst() */
  readonly turns: TurnsPolicy
  /** Not shared between schedulers. @default new BackoffBlocklist() */
  readonly blocklist: Blocklist
}

export function defaultPolicies(): SchedulerPolicies {
  return {
    pieceOrders: { 'rarest-first': rarestFirst(), 'in-order': inOrder() },
    parentChoice: nearestLeastLoaded(),
    admission: spareAdmission(),
    uploadSlots: adaptiveSlots(),
    turns: foregroundFirst(),
    blocklist: new BackoffBlocklist(),
  }
}
