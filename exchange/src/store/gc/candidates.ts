import type { TaskId } from '@damselfly/shared'
import type { PieceStore, TaskPosition, TaskSummary } from '../piece-store.ts'
import { comparePositions, inOrder, positionOf } from '../table/first-tasks.ts'
import { evictionRanks } from './eviction-order.ts'

/** Chosen at once: choosing looks at all tasks, which takes some hundredths of a second for a million. */
const BATCH = 1024

/**
 * Tasks that are not pinned, in the order of eviction.
 *
 * @param lastUsedAt when somebody used it as far as is known beside the store; undefined: as the store says
 * @param now milliseconds since 1970
 */
export function* candidatesIn(
  store: Pick<PieceStore, 'first'>,
  lastUsedAt: (taskId: TaskId) => number | undefined,
  now: number,
): Generator<TaskSummary> {
  const ranks = evictionRanks(now)
  /** Used since the store last heard of it: their turn comes later. */
  let late: readonly TaskSummary[] = []
  const met = new Set<TaskId>()
  for (let after: TaskPosition | undefined, isEnd = false; !isEnd; ) {
    const some = store.first({ ranks, limit: BATCH, after, matches: ({ pinned }) => !pinned })
    const last = some.at(-1)
    isEnd = last === undefined || some.length < BATCH
    const end = last === undefined ? undefined : positionOf(last, ranks)
    after = end
    const fresh = some.filter(({ taskId }) => !met.has(taskId)).map((task) => {
      return { ...task, lastUsedAt: Math.max(task.lastUsedAt, lastUsedAt(task.taskId) ?? 0) }
    })
    const ordered = inOrder([...late, ...fresh], ranks)
    const due = isEnd || end === undefined ? ordered : ordered.filter((task) => comparePositions(positionOf(task, ranks), end) <= 0)
    late = ordered.slice(due.length)
    for (const { taskId } of late) met.add(taskId)
    yield* due
  }
}
