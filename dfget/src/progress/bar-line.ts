import type { DownloadProgress } from '@damselfly/dfdaemon'
import { formatBytes, formatRemaining, formatSpeed, percentOf } from './format.ts'

const MIN_BAR = 10
const MAX_BAR = 40

export interface BarView {
  readonly progress: DownloadProgress
  readonly bytesPerSecond: number
}

/** `[=====>    ] 45%  460 MiB of 1.00 GiB  118 MiB/s  ETA 5s  62% from peers`, not longer than the terminal is wide. */
export function barLine({ progress, bytesPerSecond }: BarView, columns: number): string {
  const { contentLength, verifiedBytes, inFlightBytes } = progress
  const received = contentLength === undefined ? verifiedBytes + inFlightBytes : Math.min(contentLength, verifiedBytes + inFlightBytes)
  const facts =
    contentLength === undefined
      ? [formatBytes(received), formatSpeed(bytesPerSecond), peerShare(progress)]
      : [
          `${percentOf(received, contentLength)}%`,
          `${formatBytes(received)} of ${formatBytes(contentLength)}`,
          formatSpeed(bytesPerSecond),
          `ETA ${formatRemaining((contentLength - received) / bytesPerSecond)}`,
          peerShare(progress),
        ]
  const text = facts.join('  ')
  const room = Math.min(MAX_BAR, columns - text.length - 4)
  const hasBar = contentLength !== undefined && room >= MIN_BAR
  return (hasBar ? `${bar(received, contentLength, room)} ${text}` : text).slice(0, Math.max(0, columns - 1))
}

function bar(received: number, total: number, width: number): string {
  const filled = total === 0 ? width : Math.floor((received / total) * width)
  const head = filled < width ? '>' : ''
  return `[${'='.repeat(filled)}${head}${' '.repeat(width - filled - head.length)}]`
}

function peerShare({ bytesFrom }: DownloadProgress): string {
  const received = bytesFrom.peers + bytesFrom.cdn + bytesFrom.origin
  return `${percentOf(bytesFrom.peers, received)}% from peers`
}
