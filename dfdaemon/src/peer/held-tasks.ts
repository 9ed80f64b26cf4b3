import { identityOf, type HeldTask, type PieceStore, type StoredTask } from '@damselfly/exchange'

/** Everything in the store that can be offered to others: tasks of known length with at least one piece. */
export async function heldTasks(store: PieceStore): Promise<readonly HeldTask[]> {
  const held: HeldTask[] = []
  for (const { taskId } of store.list()) {
    const stored = await store.open(taskId)
    const task = stored === undefined ? undefined : heldTask(stored)
    if (task !== undefined) held.push(task)
  }
  return held
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
