import { statSync } from 'node:fs'
import { diskError, formatDigest } from '@damselfly/shared'
import { toApiErrorBody } from '@damselfly/shared/http-api'
import type { DownloadProgress, FinishedDownload } from '../peer/peer.ts'
import type { DownloadHandle, Outcome } from './download-handles.ts'
import type { DownloadEvent, StartedEvent } from './schemas.ts'

export function startedEvent(handle: DownloadHandle): StartedEvent {
  return { type: 'started', taskId: handle.download.taskId, capability: handle.capability }
}

export function progressEvent(progress: DownloadProgress): DownloadEvent {
  const { contentLength, verifiedBytes, inFlightBytes, bytesFrom, backToSource } = progress
  return { type: 'progress', contentLength, verifiedBytes, inFlightBytes, bytesFrom, backToSource }
}

export function lastEvent(outcome: Outcome): DownloadEvent {
  return outcome.type === 'finished' ? doneEvent(outcome.result) : errorEvent(outcome.error)
}

function doneEvent(result: FinishedDownload): DownloadEvent {
  const { contentDigest, contentLength, path, bytesFrom, backToSource } = result
  try {
    // The store has just looked at the file, so that this waits for no disk.
    const { dev, ino } = statSync(path, { bigint: true })
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
