import { DamselflyError, deriveTaskId, redactUrl, splitHeaders, type HeaderMap, type TaskId, type TaskIdentity } from '@damselfly/shared'
import { basicAuthorization, withoutUserInfo } from '@damselfly/cdn'
import type { DownloadRequest } from './peer.ts'

/** A caller's request, sorted into what the task is and who asks. */
export interface RequestedTask {
  readonly taskId: TaskId
  readonly identity: TaskIdentity
  readonly credentials: HeaderMap
}

/** @throws DamselflyError URL_REFUSED */
export function requestedTask(request: DownloadRequest, schemes: readonly string[]): RequestedTask {
  const url = URL.parse(request.url)
  if (url === null) throw new DamselflyError('URL_REFUSED', `'${redactUrl(request.url)}' is not a URL`)
  if (!schemes.includes(url.protocol)) {
    throw new DamselflyError('URL_REFUSED', `'${url.protocol}' is not supported; what is: ${schemes.join(' ')}`)
  }
  const { credentials, variant } = splitHeaders(request.headers)
  const authorization = basicAuthorization(url)
  const identity: TaskIdentity = {
    url: withoutUserInfo(url).href,
    filteredQueryParams: request.filteredQueryParams,
    digest: request.digest,
    tag: request.tag,
    application: request.application,
    range: request.range,
    headers: variant,
  }
  return {
    taskId: deriveTaskId(identity),
    identity,
    // An explicit header outranks what stands in the URL, as with curl.
    credentials: authorization === undefined ? credentials : new Map([['authorization', authorization], ...credentials]),
  }
}
