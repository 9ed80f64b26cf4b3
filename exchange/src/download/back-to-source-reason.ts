/** Why a peer went to the origin itself. Shown in logs, metrics, progress and `x-damselfly-back-to-source`. */
export const BACK_TO_SOURCE_REASONS = [
  'no-supernode',
  'supernode-unreachable',
  'supernode-lost',
  'supernode-refused',
  'supernode-slow',
  'origin-failed',
  'no-parent',
  'passthrough',
] as const
export type BackToSourceReason = (typeof BACK_TO_SOURCE_REASONS)[number]

/** A reason as the supernode gives it; one that this version does not know counts as `no-parent`. */
export function backToSourceReason(text: string): BackToSourceReason {
  return BACK_TO_SOURCE_REASONS.find((known) => known === text) ?? 'no-parent'
}
