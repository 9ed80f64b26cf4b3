import type { ChaosResult } from './chaos.ts'
import { countsOf } from './counts.ts'
import type { DownloadLog, FaultLog } from './download-log.ts'
import type { Health } from './health.ts'
import type { Holdings } from './leftovers.ts'

/** What happened, for a terminal. */
export function reportOf({ faults, downloads, originBytes, health, machineShare, holdings, violations }: ChaosResult): string {
  const programs = Array.from(holdings.values())
  const most = (of: (one: Holdings) => number): string => Math.max(0, ...programs.map(of)).toFixed(0)
  return [
    `  faults       ${faults.length} survived: ${countsOf(faults, ({ kind }: FaultLog) => kind)}`,
    `  downloads    ${downloads.length}, ${downloads.filter(({ bytes }) => bytes === 'right').length} bit-exact`,
    `  attempts     ${countsOf(downloads.flatMap(({ attempts }) => attempts), ({ outcome }) => outcome)}`,
    `  slowest      ${Math.max(0, ...downloads.map(secondsOf)).toFixed(1)} s from being asked for to being there`,
    `  origin       sent ${originBytes.toFixed(3)} times what was asked for`,
    `  all well     ${health === undefined ? 'not in time' : wordsOf(health)}`,
    `  machine      gave the programs ${(100 * machineShare).toFixed(0)}% of the processor time that they wanted`,
    `  a program    at most ${most(({ memory }) => memory)} MiB, ${most(({ openFiles }) => openFiles)} open files and ${most(({ sockets }) => sockets)} sockets`,
    violations.length === 0 ? '  violations   none' : `  violations   ${violations.length}\n${violations.map((line) => `    ${line}`).join('\n')}`,
    '',
  ].join('\n')
}

function wordsOf({ served, servedLast, connected, connectedLast }: Health): string {
  const last = connectedLast.length === 0 ? '' : ` (the last: ${connectedLast.join(', ')})`
  return `${served.toFixed(1)} s after the last fault (the last: ${servedLast}), all connected after ${connected.toFixed(1)} s${last}`
}

function secondsOf({ askedAt, attempts }: DownloadLog): number {
  return (attempts.at(-1)?.until ?? askedAt) - askedAt
}
