/** Everything that goes wrong on purpose. */
export type FaultKind =
  | 'kill'
  | 'restart'
  | 'freeze'
  | 'cut-off'
  | 'loss'
  | 'slow-line'
  | 'full-disk'
  | 'damage'
  | 'lie'
  | 'clock-step'
  | 'kill-and-cut-off'
  | 'kill-dfget'
  | 'full-supernode'
  | 'damaged-store'
  | 'lost-file'
  | 'silence'
  | 'origin-cuts'
  | 'origin-refuses'
  | 'origin-trickles'
  | 'origin-mixes-ranges'
  | 'new-version'

export type HostRole = 'peer' | 'supernode' | 'origin'

export interface FaultTraits {
  /** What it may happen to. */
  readonly roles: readonly HostRole[]
  /** How often it happens, in relation to the others. */
  readonly weight: number
  /** The least and the most that it lasts; seconds. */
  readonly lasts: readonly [least: number, most: number]
  /** In words, for a report. */
  readonly says: string
}

export const FAULTS: Readonly<Record<FaultKind, FaultTraits>> = {
  kill: { roles: ['peer', 'peer', 'peer', 'supernode'], weight: 4, lasts: [0, 6], says: 'is killed' },
  restart: { roles: ['peer', 'supernode'], weight: 1, lasts: [0, 3], says: 'is stopped and started again' },
  freeze: { roles: ['peer', 'peer', 'supernode', 'origin'], weight: 2, lasts: [1, 12], says: 'stands still' },
  'cut-off': { roles: ['peer', 'peer', 'supernode', 'origin'], weight: 3, lasts: [1, 12], says: 'is cut off from the network' },
  loss: { roles: ['peer', 'peer', 'supernode'], weight: 2, lasts: [3, 15], says: 'loses packets' },
  'slow-line': { roles: ['peer'], weight: 2, lasts: [3, 15], says: 'has a line of 4 Mbit/s' },
  'kill-and-cut-off': { roles: ['peer', 'peer', 'supernode'], weight: 1, lasts: [2, 10], says: 'is killed, and cut off when it starts again' },
  'kill-dfget': { roles: ['peer'], weight: 2, lasts: [0, 0], says: 'has its downloads killed' },
  'full-disk': { roles: ['peer'], weight: 1, lasts: [2, 8], says: 'has no room on its disk' },
  damage: { roles: ['peer', 'supernode'], weight: 2, lasts: [0, 0], says: 'has a damaged file' },
  lie: { roles: ['peer'], weight: 1, lasts: [0, 0], says: 'sends wrong bytes of a content from now on' },
  'full-supernode': { roles: ['supernode'], weight: 1, lasts: [2, 8], says: 'has no room on its disk' },
  'lost-file': { roles: ['peer'], weight: 1, lasts: [0, 0], says: 'claims a content that it has no more' },
  silence: { roles: ['peer'], weight: 2, lasts: [3, 15], says: 'takes every request and sends no piece' },
  'damaged-store': { roles: ['supernode', 'peer'], weight: 1, lasts: [0, 3], says: 'is killed, and starts with a damaged index' },
  'clock-step': { roles: ['peer', 'supernode'], weight: 2, lasts: [2, 15], says: 'has a wrong clock' },
  'origin-cuts': { roles: ['origin'], weight: 1, lasts: [2, 8], says: 'breaks off its answers' },
  'origin-refuses': { roles: ['origin'], weight: 1, lasts: [1, 6], says: 'answers 503' },
  'origin-trickles': { roles: ['origin'], weight: 1, lasts: [2, 10], says: 'sends very slowly' },
  'origin-mixes-ranges': { roles: ['origin'], weight: 1, lasts: [1, 5], says: 'answers with other ranges than were asked for' },
  'new-version': { roles: ['origin'], weight: 2, lasts: [0, 0], says: 'has a new version of a content' },
}

export const FAULT_KINDS = Object.keys(FAULTS) as readonly FaultKind[]
