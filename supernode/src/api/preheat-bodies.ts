import { redactUrl } from '@damselfly/shared'
import { isoTime } from '@damselfly/shared/http-api'
import { specOf } from '../preheat/content-spec.ts'
import type { PreheatRecord } from '../preheat/preheat-record.ts'
import type { PreheatBody, PreheatDetail, TargetBody } from './preheat-schemas.ts'

/** Never with credentials. */
export function preheatBodyOf({ contents, ...record }: PreheatRecord): PreheatBody {
  const targets = contents.flatMap((content) => content.targets)
  const sum = (list: readonly { readonly bytes: number }[]): number => list.reduce((total, { bytes }) => total + bytes, 0)
  return {
    id: record.id,
    key: record.key,
    state: record.state,
    scope: record.scope,
    peers: record.scope === 'peers' ? record.count : null,
    location: record.location,
    createdAt: isoTime(record.createdAt),
    endedAt: record.endedAt === null ? null : isoTime(record.endedAt),
    contents: {
      total: contents.length,
      held: contents.filter(({ state }) => state === 'held').length,
      failed: contents.filter(({ state }) => state === 'failed').length,
    },
    targets: {
      total: targets.length,
      done: targets.filter(({ state }) => state === 'done').length,
      failed: targets.filter(({ state }) => state === 'failed' || state === 'left').length,
    },
    bytes: { cdn: sum(contents), peers: sum(targets) },
  }
}

export function preheatDetailOf(record: PreheatRecord): PreheatDetail {
  const results = record.contents.map((content) => {
    const { url, state, bytes, contentLength, error } = content
    return { taskId: specOf(content).taskId, url: redactUrl(url), state, bytes, contentLength, error }
  })
  return { ...preheatBodyOf(record), results }
}

/** One for each content and peer, with a key that gives their order. */
export function targetBodiesOf({ contents }: PreheatRecord): { readonly key: string; readonly body: TargetBody }[] {
  return contents.flatMap((content, index) => {
    if (content.targets.length === 0) return []
    const { taskId } = specOf(content)
    const url = redactUrl(content.url)
    return content.targets.map(({ peer, hostName, state, bytes, error }) => {
      return { key: `${String(index).padStart(4, '0')}.${peer}`, body: { taskId, url, peer, hostName, state, bytes, error } }
    })
  })
}
