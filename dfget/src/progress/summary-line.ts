import type { BytesFrom } from '@damselfly/dfdaemon'
import { formatBytes, formatSpeed, percentOf } from './format.ts'
import type { Summary } from './reporter.ts'

const SOURCES = [
  ['peers', 'peers'],
  ['cdn', 'CDN'],
  ['origin', 'origin'],
  ['held', 'this disk'],
] as const satisfies readonly (readonly [keyof BytesFrom, string])[]

/** `file: 1.00 GiB in 3.2 s (320 MiB/s), 60% from peers, 40% from CDN` */
export function summaryLine({ output, finished, elapsedMs }: Summary): string {
  const { contentLength, bytesFrom, backToSource } = finished
  const seconds = Math.max(elapsedMs, 1) / 1000
  const speed = formatSpeed(contentLength / seconds)
  const reason = backToSource === undefined || backToSource === 'no-supernode' ? '' : ` (${backToSource})`
  const shares = sharesOf(bytesFrom).map((share) => (share.endsWith('from origin') ? share + reason : share))
  const name = output === '-' ? 'standard output' : output
  return [`${name}: ${formatBytes(contentLength)} in ${seconds.toFixed(seconds < 10 ? 2 : 1)} s (${speed})`, ...shares].join(', ')
}

function sharesOf(bytesFrom: BytesFrom): string[] {
  const total = bytesFrom.held + bytesFrom.peers + bytesFrom.cdn + bytesFrom.origin
  return SOURCES.filter(([source]) => bytesFrom[source] > 0).map(
    ([source, name]) => `${percentOf(bytesFrom[source], total)}% from ${name}`,
  )
}
