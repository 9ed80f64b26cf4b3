import type { References } from '../references/succeed.ts'

/** What both kinds of swarm download, and under which conditions. */
export interface SwarmCase {
  readonly peers: number
  /** What everybody uploads at most, whoever is the source too; bytes per second, 0: no limit. */
  readonly uploadRate: number
  readonly encrypted: boolean
}

/** The file that both download. */
export interface SwarmFile {
  readonly path: string
  /** Bytes. */
  readonly length: number
  readonly sha256: string
  /** Where a supernode fetches it. */
  readonly url: string
  /** CPU-seconds that its origin has used so far. */
  readonly originCpu: () => Promise<number>
}

/** Where one swarm downloads. */
export interface SwarmSetting extends References {
  readonly file: SwarmFile
}

/** What one download by all peers took. */
export interface SwarmRun {
  /** Seconds until the last had the whole file. */
  readonly last: number
  /** CPU-seconds of everything that took part. */
  readonly cpu: number
  /** Of all bytes that the peers received, the part that came from each other. */
  readonly fromPeers: number
}

/** Each peer writes the file once, ours as a hard link to their store; a supernode does so too. Bytes. */
export function memoryFor({ length }: SwarmFile, { peers }: SwarmCase): number {
  return (peers + 1) * length
}
