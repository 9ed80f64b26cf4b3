import { taskIdToBytes, type DamselflyError, type Priority, type TaskId } from '@damselfly/shared'
import { MAX_MANIFEST_BYTES, type SupernodeNews } from '../control/outbox.ts'
import type { TaskContent } from './task-content.ts'

/** Digests in one message, so that batches stay small; 40 bytes each. */
const DIGESTS_PER_MESSAGE = 8192

/** All that is known of a task, for somebody who joins. */
export function snapshotNews(taskId: TaskId, content: TaskContent): SupernodeNews[] {
  return [...headNews(taskId, content), ...digestNews(taskId, content, content.knownPieces()), ...manifestNews(taskId, content)]
}

export function headNews(taskId: TaskId, content: TaskContent): SupernodeNews[] {
  if (content.layout === undefined) return []
  const contentLength = BigInt(content.layout.contentLength)
  return [{ case: 'taskUpdate', value: { taskId: taskIdToBytes(taskId), contentLength } }]
}

export function digestNews(taskId: TaskId, content: TaskContent, pieces: readonly number[]): SupernodeNews[] {
  const news: SupernodeNews[] = []
  for (let at = 0; at < pieces.length; at += DIGESTS_PER_MESSAGE) {
    const digests = pieces.slice(at, at + DIGESTS_PER_MESSAGE).flatMap((index) => {
      const digest = content.digest(index)
      return digest === undefined ? [] : [{ index, digest }]
    })
    news.push({ case: 'taskUpdate', value: { taskId: taskIdToBytes(taskId), digests } })
  }
  return news
}

/** A manifest too large for a frame is left out: its digests have been told piece by piece. */
export function manifestNews(taskId: TaskId, { signedManifest }: TaskContent): SupernodeNews[] {
  if (signedManifest === undefined || signedManifest.length > MAX_MANIFEST_BYTES) return []
  return [{ case: 'taskUpdate', value: { taskId: taskIdToBytes(taskId), signedManifest } }]
}

export function failureNews(taskId: TaskId, error: DamselflyError): SupernodeNews {
  const value = { taskId: taskIdToBytes(taskId), errorCode: error.code, errorMessage: error.message }
  return { case: 'taskUpdate', value }
}

/** @param priority undefined: no rule says one any more */
export function priorityNews(taskId: TaskId, priority: Priority | undefined): SupernodeNews {
  return { case: 'taskUpdate', value: { taskId: taskIdToBytes(taskId), ruledPriority: priority ?? 'any' } }
}

/** A sign of life. @param fetched bytes that came from the origin */
export function progressNews(taskId: TaskId, fetched: number): SupernodeNews {
  return { case: 'taskUpdate', value: { taskId: taskIdToBytes(taskId), fetched: BigInt(fetched) } }
}
