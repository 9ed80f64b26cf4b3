import type { DownloadRequest } from '@damselfly/dfdaemon'
import type { Job } from './options.ts'
import type { Settings } from './settings.ts'

/** @param isStreamed whether the content is read while it downloads */
export function requestOf(job: Job, settings: Settings, isStreamed: boolean): DownloadRequest {
  return {
    url: job.url,
    headers: job.headers,
    filteredQueryParams: settings.filter,
    tag: settings.tag,
    application: settings.application,
    digest: job.digest,
    range: job.range,
    order: isStreamed ? 'in-order' : 'rarest-first',
    backToSource: settings.backToSource,
    limitRate: settings.limitRate === 0 ? undefined : settings.limitRate,
    priority: settings.background ? 'background' : 'foreground',
  }
}
