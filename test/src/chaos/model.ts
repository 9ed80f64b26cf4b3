import { countsOf } from './counts.ts'
import type { Attempt, DownloadLog, FaultLog } from './download-log.ts'

/** What a run has to keep to. */
export interface Run {
  readonly faults: readonly FaultLog[]
  readonly downloads: readonly DownloadLog[]
  /** When the last fault was over; seconds from the start. */
  readonly healedAt: number
  /** What the origin sent of all contents; bytes. */
  readonly originBytes: number
  /** Seconds between two times in which the programs had a processor. @default all of them */
  readonly given?: (from: number, until: number) => number
}

/** Within this everything is well again; seconds that the programs were given. */
export const HEALTHY_WITHIN = 30
/** Within this after the last fault all downloads are there; seconds that the programs were given. */
export const FINISHED_WITHIN = 60
/** What the origin may send in relation to the contents. */
export const MOST_ORIGIN = 1.05
/** And on top of it, which counts in short runs only: the pieces that are lost where one death meets several fetches; bytes. */
const ORIGIN_SLACK = 24 * 1024 * 1024

/** Faults that take verified pieces away from the host that they happen to. */
const LOSSES: ReadonlySet<string> = new Set(['damage', 'lie', 'full-disk', 'lost-file', 'damaged-store', 'new-version'])
/** Those that may take contents away from the supernode, which has to fetch them again. */
const CDN_LOSSES: ReadonlySet<string> = new Set(['full-supernode', 'damaged-store'])

/** @returns what was broken, a line each */
export function violationsOf(run: Run): readonly string[] {
  return [...run.downloads.flatMap((download) => [...wrongBytes(download), ...unfinished(download, run), ...unexplained(download, run), ...fetchedTwice(download, run)]), ...tooMuch(run)]
}

function wrongBytes(download: DownloadLog): readonly string[] {
  if (download.bytes === 'wrong') return [`${nameOf(download)} has other bytes than any version at the origin: ${download.difference ?? 'unknown'}`]
  return download.bytes === 'stale' ? [`${nameOf(download)} has a version that the origin had replaced long before`] : []
}

function unfinished(download: DownloadLog, { healedAt, given = secondsBetween }: Run): readonly string[] {
  const end = download.attempts.findLast(({ outcome }) => outcome === 'done')?.until
  if (end === undefined) return [`${nameOf(download)} was never there; its attempts: ${countsOf(download.attempts, ({ outcome }) => outcome)}`]
  const late = given(Math.max(healedAt, download.askedAt), end)
  return late > FINISHED_WITHIN ? [`${nameOf(download)} was there ${late.toFixed(0)} s after all was well`] : []
}

function secondsBetween(from: number, until: number): number {
  return Math.max(0, until - from)
}

/** A download fails only where something is wrong with what it needs: its own peer, the supernode or the origin. */
function unexplained(download: DownloadLog, run: Run): readonly string[] {
  return download.attempts
    .filter(({ outcome }) => outcome !== 'done')
    .filter((attempt) => !run.faults.some((fault) => concerns(fault, download) && meets(fault, attempt, run)))
    .map(({ outcome, from, until }) => `${nameOf(download)} failed with ${outcome} from ${from.toFixed(1)} to ${until.toFixed(1)} s, when nothing was wrong with what it needs`)
}

function concerns({ host, content }: FaultLog, { peer, content: wanted }: DownloadLog): boolean {
  if (content !== undefined && content !== wanted) return false
  return host === peer || host === 'supernode' || host === 'origin'
}

/** Also while what was hit is getting well again. */
function meets(fault: FaultLog, attempt: Attempt, { given = secondsBetween }: Run): boolean {
  return fault.from <= attempt.until && given(fault.until, attempt.from) <= HEALTHY_WITHIN
}

/** What an attempt had verified the peer still has when it goes on, unless its disk lost it. */
function fetchedTwice(download: DownloadLog, { faults }: Run): readonly string[] {
  const last = download.attempts.at(-1)
  const best = Math.max(0, ...download.attempts.slice(0, -1).map(({ verified }) => verified))
  if (last?.held === undefined || last.held >= best) return []
  const isLost = faults.some(({ kind, host, content, from, until }) => LOSSES.has(kind) && (host === download.peer || content === download.content) && from <= last.until && until >= download.askedAt)
  return isLost ? [] : [`${nameOf(download)} had verified ${best} bytes, and ${last.held} when it went on`]
}

function tooMuch(run: Run): readonly string[] {
  const { originBytes } = run
  const asked = askedBytes(run)
  const most = MOST_ORIGIN * asked + ORIGIN_SLACK + rereadBytes(run)
  return originBytes > most ? [`the origin sent ${(originBytes / asked).toFixed(3)} times what was asked for, ${originBytes - most} bytes too many`] : []
}

/** All contents that somebody asked for, each version once. */
export function askedBytes({ downloads, faults }: Pick<Run, 'downloads' | 'faults'>): number {
  const sizes = sizesOf(downloads)
  const changed = faults.filter(({ kind }) => kind === 'new-version').map(({ content }) => sizes.get(content ?? -1) ?? 0)
  return [...sizes.values(), ...changed].reduce((sum, size) => sum + size, 0)
}

/** What a supernode that lost contents, or had no room for them, reads once more of those that somebody wanted then. */
function rereadBytes({ downloads, faults, given = secondsBetween }: Run): number {
  const losses = faults.filter(({ kind, host }) => host === 'supernode' && CDN_LOSSES.has(kind))
  const wanted = losses.map(({ from, until }) => downloads.filter(({ askedAt, attempts }) => given(until, askedAt) <= HEALTHY_WITHIN && (attempts.at(-1)?.until ?? askedAt) >= from))
  return wanted.flatMap((some) => Array.from(sizesOf(some).values())).reduce((sum, size) => sum + size, 0)
}

function sizesOf(downloads: readonly DownloadLog[]): ReadonlyMap<number, number> {
  return new Map(downloads.map(({ content, size }) => [content, size]))
}

function nameOf({ peer, content }: DownloadLog): string {
  return `content ${content} at ${peer}`
}
