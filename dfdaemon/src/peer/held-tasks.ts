import { identityOf, type HeldTask, type Inventory, type PieceStore, type StoredTask } from '@damselfly/exchange'
import { toDamselflyError, type TaskId } from '@damselfly/shared'
import type { Logger } from '@damselfly/shared/logging'

/** Everything in the store that can be offered to others: tasks of known length with at least one piece. */
export function inventoryOf(store: PieceStore, logger: Logger): Inventory {
  return {
    taskIds: () => store.list().map(({ taskId }) => taskId),
    held: async (taskId) => {
      const stored = await open(store, taskId, logger)
      return stored === undefined ? undefined : heldTask(stored)
    },
  }
}

/** One task that cannot be read must not keep the others from being offered. */
async function open(store: PieceStore, taskId: TaskId, logger: Logger): Promise<StoredTask | undefined> {
  try {
    return await store.open(taskId)
  } catch (error) {
    const { code, message } = toDamselflyError(error)
    logger.warn({ task: taskId, code, error: message }, 'a stored task cannot be offered to others')
    return undefined
  }
}

function heldTask(stored: StoredTask): HeldTask | undefined {
  const { record, layout } = stored
  const have = stored.have()
  if (layout === undefined || (have.count === 0 && layout.pieceCount > 0)) return undefined
  return {
    taskId: record.taskId,
    identity: identityOf(record),
    contentLength: layout.contentLength,
    pieceSize: layout.pieceSize,
    have,
    digests: Array.from({ length: layout.pieceCount }, (_, index) => stored.digest(index)),
    signedManifest: record.signedManifest,
    contentDigest: record.contentDigest,
    etag: record.etag,
    lastModified: record.lastModified,
    isPrivate: record.isPrivate,
  }
}
