import type { SchedulerEvent } from '../contract.ts'
import type { Assignments } from '../matching/assignments.ts'
import type { Blocks } from '../matching/blocks.ts'
import type { Reasons } from '../matching/reasons.ts'
import type { Wakes } from '../matching/wakes.ts'
import type { UploadSlotsPolicy } from '../policies/upload-slots.ts'
import type { Register } from '../state/register.ts'

/** What the handlers of events work on. They change the state and note in `wakes` what that may have made possible. */
export interface EventParts {
  readonly register: Register
  readonly assignments: Assignments
  readonly blocks: Blocks
  readonly wakes: Wakes
  readonly reasons: Reasons
  readonly uploadSlots: UploadSlotsPolicy
}

export type EventOf<T extends SchedulerEvent['type']> = Extract<SchedulerEvent, { readonly type: T }>
