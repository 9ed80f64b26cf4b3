/** How much of a disk a store may take. */
export interface SpaceLimits {
  /** Bytes of all contents together; 0: what the disk has. */
  readonly quota: number
  /** Percent of the disk that stay free for others, from 0 to 99. */
  readonly minFreePercent: number
}

/** Everything that fits. */
export const NO_SPACE_LIMITS: SpaceLimits = { quota: 0, minFreePercent: 0 }

/** What is taken and what is left; bytes. */
export interface Space {
  /** By the store's verified pieces. */
  readonly used: number
  /** On the disk, for whoever this process runs as. */
  readonly free: number
  /** Of the disk. */
  readonly total: number
}

/** What has to go; bytes. They differ, since a file that is somebody's output too gives nothing back to the disk. */
export interface Shortage {
  readonly ofQuota: number
  readonly ofDisk: number
}

/** Once a limit is passed, this part of it is cleared at once, so that not every new content evicts an old one. */
const HEADROOM = 0.1

/** @param wanted bytes that are about to be written */
export function shortageOf(space: Space, limits: SpaceLimits, wanted: number): Shortage {
  const { quota, minFreePercent } = limits
  const minFree = (space.total * minFreePercent) / 100
  const excess = space.used + wanted - quota
  const lack = minFree + wanted - space.free
  return {
    ofQuota: quota > 0 && excess > 0 ? Math.ceil(excess + quota * HEADROOM) : 0,
    ofDisk: lack > 0 ? Math.ceil(lack + minFree * HEADROOM) : 0,
  }
}
