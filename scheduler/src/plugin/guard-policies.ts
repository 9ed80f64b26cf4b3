import type { AdmissionPolicy } from '../policies/admission.ts'
import type { Blocklist } from '../policies/blocklist.ts'
import type { ParentCandidate, ParentChoicePolicy } from '../policies/parent-choice.ts'
import type { PieceOrderPolicy } from '../policies/piece-order.ts'
import { defaultPolicies, type SchedulerPolicies } from '../policies/policies.ts'
import type { TurnsPolicy } from '../policies/turns.ts'
import type { SlotControl, UploadSlotsPolicy } from '../policies/upload-slots.ts'
import { Guard, type OnPolicyFault } from './guard.ts'
import type { PolicySet } from './policy-module.ts'

/**
 * Somebody's policies such that no fault of theirs does harm: the decision that one of them fails to make is left to the
 * default. Only a blocklist has none that knows what it knew; where it fails, nobody is blocked.
 */
export function guardPolicies(policies: PolicySet, onFault: OnPolicyFault): SchedulerPolicies {
  const defaults = defaultPolicies()
  const { pieceOrders, parentChoice, admission, uploadSlots, turns, blocklist } = policies
  const guard = (name: string): Guard => new Guard(name, onFault)
  const order = (kind: keyof SchedulerPolicies['pieceOrders']): PieceOrderPolicy => {
    const [own, usual] = [pieceOrders?.[kind], defaults.pieceOrders[kind]]
    return own === undefined ? usual : guardedOrder(own, usual, guard(`pieceOrders.${kind}`))
  }
  return {
    ...defaults,
    pieceOrders: { 'rarest-first': order('rarest-first'), 'in-order': order('in-order') },
    ...(parentChoice === undefined ? {} : { parentChoice: guardedChoice(parentChoice, defaults.parentChoice, guard('parentChoice')) }),
    ...(admission === undefined ? {} : { admission: guardedAdmission(admission, defaults.admission, guard('admission')) }),
    ...(uploadSlots === undefined ? {} : { uploadSlots: guardedSlots(uploadSlots, defaults.uploadSlots, guard('uploadSlots')) }),
    ...(turns === undefined ? {} : { turns: guardedTurns(turns, defaults.turns, guard('turns')) }),
    ...(blocklist === undefined ? {} : { blocklist: guardedBlocklist(blocklist, guard('blocklist')) }),
  }
}

function guardedOrder(own: PieceOrderPolicy, usual: PieceOrderPolicy, guard: Guard): PieceOrderPolicy {
  return {
    choose: (choices, random) => {
      const piece = guard.attempt('choose', () => own.choose(choices, random))
      if (piece !== undefined && Number.isInteger(piece) && choices.has(piece)) return piece
      const instead = usual.choose(choices, random)
      // Where there is nothing to choose from, undefined is the right answer.
      if (piece !== instead) guard.refuse('choose', piece, 'one of the choices')
      return instead
    },
  }
}

function guardedChoice(own: ParentChoicePolicy, usual: ParentChoicePolicy, guard: Guard): ParentChoicePolicy {
  return {
    choose: <T extends ParentCandidate>(child: Parameters<ParentChoicePolicy['choose']>[0], candidates: readonly T[], random: () => number): T => {
      const parent = guard.attempt('choose', () => own.choose(child, candidates, random))
      if (parent !== undefined && candidates.includes(parent)) return parent
      guard.refuse('choose', parent, 'one of the candidates')
      return usual.choose(child, candidates, random)
    },
  }
}

function guardedAdmission(own: AdmissionPolicy, usual: AdmissionPolicy, guard: Guard): AdmissionPolicy {
  return {
    isSlow: (...rates) => guard.yesOrNo('isSlow', () => own.isSlow(...rates), () => usual.isSlow(...rates)),
    admits: (request) => guard.yesOrNo('admits', () => own.admits(request), () => usual.admits(request)),
  }
}

function guardedTurns(own: TurnsPolicy, usual: TurnsPolicy, guard: Guard): TurnsPolicy {
  return {
    isBackgroundsTurn: (passedOver) => {
      return guard.yesOrNo('isBackgroundsTurn', () => own.isBackgroundsTurn(passedOver), () => usual.isBackgroundsTurn(passedOver))
    },
  }
}

function guardedSlots(own: UploadSlotsPolicy, usual: UploadSlotsPolicy, guard: Guard): UploadSlotsPolicy {
  return {
    control: (isCdn) => {
      const control = guard.attempt('control', () => own.control(isCdn))
      return control === undefined ? usual.control(isCdn) : guardedControl(control, guard)
    },
  }
}

function guardedControl(own: SlotControl, guard: Guard): SlotControl {
  return {
    get limit() {
      const limit = guard.attempt('limit', () => own.limit)
      if (limit !== undefined && limit >= 1) return limit
      guard.refuse('limit', limit, 'at least 1')
      return 1
    },
    uploaded: (sample) => guard.attempt('uploaded', () => own.uploaded(sample)),
  }
}

function guardedBlocklist(own: Blocklist, guard: Guard): Blocklist {
  return {
    failed: (report, now) => guard.list('failed', () => own.failed(report, now)),
    caught: (parent, now) => guard.list('caught', () => own.caught?.(parent, now) ?? []),
    succeeded: (child, parent, now) => guard.attempt('succeeded', () => own.succeeded(child, parent, now)),
    pairBlockedUntil: (child, parent) => guard.time('pairBlockedUntil', () => own.pairBlockedUntil(child, parent)),
    blockedUntil: (parent) => guard.time('blockedUntil', () => own.blockedUntil(parent)),
    blockedFor: (child) => guard.list('blockedFor', () => own.blockedFor(child)),
    blockedForAll: () => guard.list('blockedForAll', () => own.blockedForAll()),
    childrenWithBlocks: () => guard.list('childrenWithBlocks', () => own.childrenWithBlocks()),
    expire: (now) => guard.list('expire', () => own.expire(now)),
    pardon: (parent, now) => guard.list('pardon', () => own.pardon?.(parent, now) ?? []),
    nextExpiry: () => guard.time('nextExpiry', () => own.nextExpiry()),
    entries: () => guard.list('entries', () => own.entries()),
  }
}
