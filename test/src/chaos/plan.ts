import { seededRandom } from '@damselfly/scheduler/trace'
import { FAULT_KINDS, FAULTS, type FaultKind, type HostRole } from './faults.ts'

/** `supernode`, `origin`, `peer-1` and so on. */
export type HostName = string

export interface PlanInit {
  readonly seed: number
  /** How long faults begin and downloads are asked for; seconds. */
  readonly seconds: number
  readonly peers: number
  /** @default all */
  readonly kinds?: readonly FaultKind[]
}

/** Times are seconds from the start. */
export interface PlannedFault {
  readonly kind: FaultKind
  readonly host: HostName
  readonly from: number
  readonly until: number
  /** From 0 to below 1, for whatever the fault has to choose itself. */
  readonly draw: number
}

export interface PlannedDownload {
  readonly content: number
  /** Bytes. */
  readonly size: number
  readonly peer: HostName
  readonly at: number
}

/** What goes wrong and what is asked for meanwhile: the same for the same seed. */
export interface Plan {
  readonly faults: readonly PlannedFault[]
  readonly downloads: readonly PlannedDownload[]
}

/** Mean time between two faults, and between two contents; seconds. */
const FAULT_EVERY = 2.5
const CONTENT_EVERY = 5
/** Peers begin with one content within so many seconds. */
const CROWD_SECONDS = 6
/** Faults at once: most of the hosts work at any time. */
const AT_ONCE = 4
/** What a host has to itself between two faults; seconds. */
const PAUSE = 3

const MIB = 1024 * 1024
const LEAST_SIZE = 2 * MIB
const MOST_SIZE = 40 * MIB

export function peerNames(peers: number): readonly HostName[] {
  return Array.from({ length: peers }, (_, i) => `peer-${i + 1}`)
}

export function planOf(init: PlanInit): Plan {
  return { faults: planFaults(init), downloads: planDownloads(init) }
}

function planFaults({ seed, seconds, peers, kinds = FAULT_KINDS }: PlanInit): readonly PlannedFault[] {
  const random = seededRandom(seed)
  const hosts: Readonly<Record<HostRole, readonly HostName[]>> = { peer: peerNames(peers), supernode: ['supernode'], origin: ['origin'] }
  const faults: PlannedFault[] = []
  for (let from = waitOf(random, FAULT_EVERY); from < seconds; from += waitOf(random, FAULT_EVERY)) {
    const kind = weighted(kinds, random())
    const { roles, lasts } = FAULTS[kind]
    const host = pick(hosts[pick(roles, random())], random())
    const until = Math.min(seconds, from + lasts[0] + random() * (lasts[1] - lasts[0]))
    const draw = random()
    const isFree = faults.every((other) => other.host !== host || other.until + PAUSE < from)
    const active = faults.filter((other) => other.until >= from).length
    if (isFree && active < AT_ONCE) faults.push({ kind, host, from, until, draw })
  }
  return faults
}

function planDownloads({ seed, seconds, peers }: PlanInit): readonly PlannedDownload[] {
  const random = seededRandom(~seed)
  const downloads: PlannedDownload[] = []
  let content = 0
  for (let begin = 0; begin < seconds; begin += waitOf(random, CONTENT_EVERY)) {
    const size = Math.round(LEAST_SIZE + random() ** 2 * (MOST_SIZE - LEAST_SIZE))
    const share = 0.3 + 0.7 * random()
    for (const peer of peerNames(peers)) {
      const wants = random() < share
      const at = begin + random() * CROWD_SECONDS
      if (wants) downloads.push({ content, size, peer, at })
    }
    content++
  }
  return downloads
}

/** An exponential wait, so that faults meet in every way. */
function waitOf(random: () => number, mean: number): number {
  return -mean * Math.log(1 - random())
}

function pick<T>(items: readonly T[], draw: number): T {
  const item = items[Math.floor(draw * items.length)]
  if (item === undefined) throw new Error('there is nothing to choose from')
  return item
}

function weighted(kinds: readonly FaultKind[], draw: number): FaultKind {
  const total = kinds.reduce((sum, kind) => sum + FAULTS[kind].weight, 0)
  let rest = draw * total
  return kinds.find((kind) => (rest -= FAULTS[kind].weight) < 0) ?? pick(kinds, draw)
}
