import { DamselflyError, deriveTaskId, redactUrl, splitHeaders, type HeaderMap, type TaskId, type TaskIdentity } from '@damselfly/shared'
import { basicAuthorization, digestNamedBy, withoutUserInfo } from '@damselfly/cdn'
import type { DownloadRequest } from './peer.ts'

/** A caller's request, sorted into what the task is and who asks. */
export interface RequestedTask {
  readonly taskId: TaskId
  readonly identity: TaskIdentity
  readonly credentials: HeaderMap
}

/**
 * @param schemes those that this peer can fetch itself; undefined where a supernode may be able to fetch others
 * @throws DamselflyError URL_REFUSED, NO_SOURCE_CLIENT
 */
export function requestedTask(request: DownloadRequest, schemes: readonly string[] | undefined): RequestedTask {
  const url = URL.parse(request.url)
  if (url === null) throw new DamselflyError('URL_REFUSED', `'${redactUrl(request.url)}' is not a URL`)
  if (schemes?.includes(url.protocol) === false) {
    const message = `this peer cannot fetch '${url.protocol}' URLs itself, only ${schemes.join(', ')}, and has no supernode`
    throw new DamselflyError('NO_SOURCE_CLIENT', message)
  }
  const { credentials, variant } = splitHeaders(request.headers)
  const authorization = basicAuthorization(url)
  const identity: TaskIdentity = {
    url: withoutUserInfo(url).href,
    filteredQueryParams: request.filteredQueryParams,
    // What the URL itself names is the digest of the whole, not of a part.
    digest: request.digest ?? (request.range === undefined ? digestNamedBy(url) : undefined),
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
