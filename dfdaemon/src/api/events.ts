import { stat } from 'node:fs/promises'
import { diskError, formatDigest } from '@damselfly/shared'
import { toApiErrorBody } from '@damselfly/shared/http-api'
import type { DownloadProgress, FinishedDownload } from '../peer/peer.ts'
import type { DownloadHandle } from './download-handles.ts'
import type { DoneEvent, DownloadEvent, StartedEvent } from './schemas.ts'

export function startedEvent(handle: DownloadHandle): StartedEvent {
  return { type: 'started', taskId: handle.download.taskId, capability: handle.capability }
}

export function progressEvent(progress: DownloadProgress): DownloadEvent {
  const { contentLength, verifiedBytes, inFlightBytes, bytesFrom, backToSource } = progress
  return { type: 'progress', contentLength, verifiedBytes, inFlightBytes, bytesFrom, backToSource }
}

export async function doneEvent(result: FinishedDownload): Promise<DoneEvent | DownloadEvent> {
  const { contentDigest, contentLength, path, bytesFrom, backToSource } = result
  try {
    const { dev, ino } = await stat(path, { bigint: true })
    const file = { path, device: String(dev), inode: String(ino) }
    const digest = contentDigest === undefined ? undefined : formatDigest(contentDigest)
    return { type: 'done', digest, length: contentLength, ...file, bytesFrom, backToSource }
  } catch (error) {
    return errorEvent(diskError(error, `look at ${path}`))
  }
}

export function errorEvent(error: unknown): DownloadEvent {
  return { type: 'error', ...toApiErrorBody(error) }
}
