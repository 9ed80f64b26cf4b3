/** What both ends of the local API must agree on beside the schemas; light, since `dfget` loads it on every start. */

/** Carries the capability of a download when its content is read or it is released. */
export const CAPABILITY_HEADER = 'x-damselfly-download'

/** Says why the origin itself was used. */
export const BACK_TO_SOURCE_HEADER = 'x-damselfly-back-to-source'

/** Says that a registry failed, and that what it had said before counted. */
export const STALE_HEADER = 'x-damselfly-stale'

export const EVENT_STREAM_TYPE = 'application/x-ndjson'

export const DOWNLOADS_PATH = '/api/v1/downloads'
export const TASKS_PATH = '/api/v1/tasks'
export const RATES_PATH = '/api/v1/rates'
export const STATUS_PATH = '/api/v1/status'

export function contentPath(taskId: string): string {
  return `${TASKS_PATH}/${taskId}/content`
}
