import { formatDigest, parseDigest } from '@damselfly/shared'
import { toApiErrorBody } from '@damselfly/shared/http-api'
import type { DownloadRequest, PeerStatus, TaskView } from '../peer/peer.ts'
import type { ParsedDownloadBody, StatusBody, TaskBody } from './schemas.ts'

export function requestFromBody(body: ParsedDownloadBody): DownloadRequest {
  const { url, headers, filteredQueryParams, tag, application, range, order, backToSource, limitRate, priority } = body
  const digest = body.digest === undefined ? undefined : parseDigest(body.digest)
  return { url, headers, filteredQueryParams, tag, application, digest, range, order, backToSource, limitRate, priority }
}

export function taskBodyOf(task: TaskView): TaskBody {
  const { contentDigest, ...shown } = task
  return { ...shown, digest: contentDigest === undefined ? undefined : formatDigest(contentDigest) }
}

export function statusBodyOf(status: PeerStatus): StatusBody {
  return { ...status, endpoints: [...status.endpoints], supernode: supernodeBodyOf(status.supernode) }
}

function supernodeBodyOf(state: PeerStatus['supernode']): StatusBody['supernode'] {
  if (state.type !== 'disconnected') return state
  return { ...state, error: state.error === undefined ? undefined : toApiErrorBody(state.error) }
}
