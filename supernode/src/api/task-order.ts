import { LATEST_USE, MOST_BYTES, MOST_HITS, MOST_SAVED, type TaskPosition, type TaskRank, type TaskSummary } from '@damselfly/exchange'
import { DamselflyError } from '@damselfly/shared'
import type * as z from 'zod'
import type { Task } from '../swarm/task.ts'
import type { TASK_ORDERS, taskQuery } from './schemas.ts'

type OrderName = (typeof TASK_ORDERS)[number]

const RANKS: Readonly<Record<OrderName, readonly TaskRank[]>> = {
  taskId: [],
  lastUsedAt: [LATEST_USE],
  heldBytes: [MOST_BYTES],
  hits: [MOST_HITS],
  bytesSaved: [MOST_SAVED],
}

/** One order in which tasks are listed. */
export interface TaskOrder {
  readonly ranks: readonly TaskRank[]
  /** After which the next page begins. */
  readonly keyOf: (task: TaskSummary) => string
  /** @throws DamselflyError USAGE */
  readonly positionAt: (key: string) => TaskPosition
}

/** By id, or with the most first. */
export function taskOrder(name: OrderName): TaskOrder {
  const ranks = RANKS[name]
  const [rank] = ranks
  if (rank === undefined) return { ranks, keyOf: ({ taskId }) => taskId, positionAt: (key) => ({ ranks: [], taskId: key }) }
  return {
    ranks,
    keyOf: (task) => `${Math.abs(rank.of(task))}.${task.taskId}`,
    positionAt: (key) => {
      const [, value, taskId] = /^(\d{1,20}(?:\.\d{1,20})?)\.([0-9a-f]{64})$/.exec(key) ?? []
      if (value === undefined || taskId === undefined) throw new DamselflyError('USAGE', "'after' is not the 'next' of a page in this order")
      return { ranks: [-Number(value)], taskId }
    },
  }
}

/** Which tasks a query asks for; undefined: all. */
export function taskFilter({ source, tag, application, pinned }: z.output<typeof taskQuery>): ((task: TaskSummary, live: Task | undefined) => boolean) | undefined {
  if (source === undefined && tag === undefined && application === undefined && pinned === undefined) return undefined
  return (task, live) => {
    if (pinned !== undefined && task.pinned !== pinned) return false
    if (tag !== undefined && task.tag !== tag) return false
    if (application !== undefined && task.application !== application) return false
    return source === undefined || (live?.source.state.type ?? stateOf(task)) === source
  }
}

function stateOf({ contentLength, verifiedBytes }: TaskSummary): 'complete' | 'idle' {
  return contentLength === verifiedBytes ? 'complete' : 'idle'
}
