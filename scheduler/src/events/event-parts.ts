import type { SchedulerEvent } from '../contract.ts'
import type { Assignments } from '../matching/assignments.ts'
import type { Wakes } from '../matching/wakes.ts'
import type { Blocklist } from '../policies/blocklist.ts'
import type { Register } from '../state/register.ts'

/** What the handlers of events work on. They change the state and note in `wakes` what that may have made possible. */
export interface EventParts {
  readonly register: Register
  readonly assignments: Assignments
  readonly blocklist: Blocklist
  readonly wakes: Wakes
}

export type EventOf<T extends SchedulerEvent['type']> = Extract<SchedulerEvent, { readonly type: T }>
