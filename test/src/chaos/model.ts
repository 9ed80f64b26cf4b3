import type { Attempt, DownloadLog, FaultLog } from './download-log.ts'

/** What a run has to keep to. */
export interface Run {
  readonly faults: readonly FaultLog[]
  readonly downloads: readonly DownloadLog[]
  /** When the last fault was over; seconds from the start. */
  readonly healedAt: number
  /** What the origin sent of all contents; bytes. */
  readonly originBytes: number
}

/** Within this everything is well again; seconds. */
export const HEALTHY_WITHIN = 30
/** Within this after the last fault all downloads are there; seconds. */
export const FINISHED_WITHIN = 60
/** What the origin may send in relation to the contents. */
export const MOST_ORIGIN = 1.05

/** Faults that take verified pieces away from the host that they happen to. */
const LOSSES: ReadonlySet<string> = new Set(['damage', 'lie', 'full-disk'])

/** @returns what was broken, a line each */
export function violationsOf(run: Run): readonly string[] {
  return [...run.downloads.flatMap((download) => [...wrongBytes(download), ...unfinished(download, run), ...unexplained(download, run), ...fetchedTwice(download, run)]), ...tooMuch(run)]
}

function wrongBytes(download: DownloadLog): readonly string[] {
  return download.isRight === false ? [`${nameOf(download)} has other bytes than the origin`] : []
}

function unfinished(download: DownloadLog, { healedAt }: Run): readonly string[] {
  const end = download.attempts.findLast(({ outcome }) => outcome === 'done')?.until
  if (end === undefined) return [`${nameOf(download)} was never there; its attempts: ${download.attempts.map(({ outcome }) => outcome).join(', ')}`]
  const late = end - Math.max(healedAt, download.askedAt)
  return late > FINISHED_WITHIN ? [`${nameOf(download)} was there ${late.toFixed(0)} s after all was well`] : []
}

/** A download fails only where something is wrong with what it needs: its own peer, the supernode or the origin. */
function unexplained(download: DownloadLog, { faults }: Run): readonly string[] {
  return download.attempts
    .filter(({ outcome }) => outcome !== 'done')
    .filter((attempt) => !faults.some((fault) => concerns(fault, download) && meets(fault, attempt)))
    .map(({ outcome, from, until }) => `${nameOf(download)} failed with ${outcome} from ${from.toFixed(1)} to ${until.toFixed(1)} s, when nothing was wrong with what it needs`)
}

function concerns({ host }: FaultLog, { peer }: DownloadLog): boolean {
  return host === peer || host === 'supernode' || host === 'origin'
}

function meets(fault: FaultLog, attempt: Attempt): boolean {
  return fault.from <= attempt.until && attempt.from <= fault.until + HEALTHY_WITHIN
}

/** What an attempt had verified the peer still has when it goes on, unless its disk lost it. */
function fetchedTwice(download: DownloadLog, { faults }: Run): readonly string[] {
  const last = download.attempts.at(-1)
  const best = Math.max(0, ...download.attempts.slice(0, -1).map(({ verified }) => verified))
  if (last?.held === undefined || last.held >= best) return []
  const isLost = faults.some(({ kind, host, from, until }) => LOSSES.has(kind) && host === download.peer && from <= last.until && until >= download.askedAt)
  return isLost ? [] : [`${nameOf(download)} had verified ${best} bytes, and ${last.held} when it went on`]
}

function tooMuch({ originBytes, downloads }: Run): readonly string[] {
  const asked = askedBytes(downloads)
  return originBytes > MOST_ORIGIN * asked ? [`the origin sent ${(originBytes / asked).toFixed(3)} times what was asked for`] : []
}

/** All contents that somebody asked for, each once. */
export function askedBytes(downloads: readonly DownloadLog[]): number {
  return Array.from(new Map(downloads.map(({ content, size }) => [content, size])).values()).reduce((sum, size) => sum + size, 0)
}

function nameOf({ peer, content }: DownloadLog): string {
  return `content ${content} at ${peer}`
}
