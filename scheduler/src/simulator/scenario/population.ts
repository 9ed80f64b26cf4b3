import type { PeerId, TaskId } from '@damselfly/shared'
import type { PeerCapacity, PieceOrder, RandomSource } from '../../contract.ts'
import type { Content } from '../model/content.ts'
import type { HostOptions } from '../model/host.ts'
import type { PeerClass, Scenario } from './schema.ts'

/** What becomes of one peer. */
export interface PeerPlan {
  readonly host: HostOptions
  /** The name of its kind. */
  readonly kind: string
  readonly arrivesAt: number
  readonly downloads: boolean
  readonly order: PieceOrder
  /** Share of the pieces of every content that it has from the start. */
  readonly holds: number
  /** How long it stays after it has everything; undefined: for good. Milliseconds. */
  readonly leavesAfter: number | undefined
  /** It dies when it has this share of its pieces; undefined: never. */
  readonly diesAt: number | undefined
  readonly freezes: boolean
}

/** Bytes per millisecond; settings say bytes per second, and 0 for no limit. */
export function perMillisecond(rate: number): number {
  return rate === 0 ? Infinity : rate / 1000
}

export function contentsOf({ tasks: { count, pieces, pieceSize, zipf } }: Scenario): readonly Content[] {
  return Array.from({ length: count }, (_, rank) => ({
    task: `task-${rank + 1}` as TaskId,
    pieces: Math.max(1, Math.round(pieces / (rank + 1) ** zipf)),
    pieceSize,
  }))
}

export function cdnOf({ cdn }: Scenario): HostOptions {
  return {
    id: 'cdn' as PeerId,
    upload: perMillisecond(cdn.upload),
    download: perMillisecond(cdn.download),
    capacity: capacityOf(cdn.uploadSlots, cdn.at, true),
    vices: { lies: 0, refuses: 0 },
    lanesAtOnce: cdn.lanesAtOnce === 0 ? Infinity : cdn.lanesAtOnce,
  }
}

/** @param arriveUntil arrivals are spread over this time; milliseconds. */
export function drawPeers({ peers }: Scenario, arriveUntil: number, random: RandomSource): readonly PeerPlan[] {
  const plans = Object.entries(peers).flatMap(([kind, peerClass]) => {
    const leavers = drawShare(peerClass.count, peerClass.leave, random)
    const mortals = drawShare(peerClass.count, peerClass.die, random)
    return Array.from({ length: peerClass.count }, (_, index): PeerPlan => ({
      ...planOf(kind, peerClass, index),
      arrivesAt: peerClass.downloads ? random() * arriveUntil : 0,
      leavesAfter: leavers.has(index) ? peerClass.leaveAfter : undefined,
      diesAt: mortals.has(index) ? random() : undefined,
    }))
  })
  return plans.toSorted((a, b) => a.arrivesAt - b.arrivesAt)
}

function planOf(kind: string, peerClass: PeerClass, index: number): Omit<PeerPlan, 'arrivesAt' | 'leavesAfter' | 'diesAt'> {
  const { upload, download, uploadSlots, lanesAtOnce, at, lies, refuses, downloads, order, holds, freeze } = peerClass
  return {
    host: {
      id: `${kind}-${index + 1}` as PeerId,
      upload: perMillisecond(upload),
      download: perMillisecond(download),
      capacity: capacityOf(uploadSlots, at[index % at.length] as string, false),
      vices: { lies, refuses },
      lanesAtOnce: lanesAtOnce === 0 ? Infinity : lanesAtOnce,
    },
    kind,
    downloads,
    order,
    holds,
    freezes: freeze,
  }
}

/** Exactly that share of the numbers below `count`, rounded. */
function drawShare(count: number, share: number, random: RandomSource): ReadonlySet<number> {
  const wanted = Math.round(count * share)
  const drawn = new Set<number>()
  while (drawn.size < wanted) drawn.add(Math.floor(random() * count))
  return drawn
}

function capacityOf(uploadSlots: number, at: string, isCdn: boolean): PeerCapacity {
  const [location = '', zone = '', rack = ''] = at.split('/')
  return { uploadSlots, location: { location, zone, rack }, isCdn, lanes: ['direct'] }
}
