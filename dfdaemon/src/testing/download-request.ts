import type { DownloadRequest } from '../peer/peer.ts'

/** A download as somebody asks for it who wants nothing special, with what matters on top. */
export function requestFor(url: string, change: Partial<DownloadRequest> = {}): DownloadRequest {
  return {
    url,
    headers: [],
    filteredQueryParams: [],
    tag: '',
    application: '',
    digest: undefined,
    range: undefined,
    order: 'rarest-first',
    backToSource: true,
    limitRate: undefined,
    priority: 'foreground',
    ...change,
  }
}
