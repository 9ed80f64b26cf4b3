import type { PeerId } from '@damselfly/shared'
import type { Swarm } from './swarm.ts'
import type { TaskSource } from './task-source.ts'

/** One content that the supernode knows: its swarm and what brings it. */
export interface Task {
  readonly swarm: Swarm
  readonly source: TaskSource
  /** Callers that are not in the swarm yet, and hear meanwhile that work goes on. */
  readonly waiting: Set<PeerId>
  /** Under way or done: the origin's word on what only peers hold. False: it has another content now. */
  confirmation: Promise<boolean> | undefined
  /** Since when a child has had nobody to get a piece from, on the clock's scale; milliseconds. */
  strandedSince: number | undefined
  /** Milliseconds since 1970. */
  readonly createdAt: number
  lastUsedAt: number
}
