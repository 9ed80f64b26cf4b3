import type { Daemon } from './daemon.ts'
import { Lab } from './lab.ts'
import type { Supernode } from './supernode.ts'

/** Whom `dfget` works with. */
export const WAYS = ['alone', 'with a peer of its own', 'through dfdaemon'] as const
export type Way = (typeof WAYS)[number]

/** A lab in which every way can be gone. */
export interface WaysLab {
  readonly lab: Lab
  readonly supernode: Supernode
  readonly daemon: Daemon
}

export async function createWaysLab(): Promise<WaysLab> {
  const lab = await Lab.create()
  try {
    const supernode = await lab.supernode()
    return { lab, supernode, daemon: await lab.daemon('daemon', { supernodes: [supernode.address] }) }
  } catch (error) {
    await lab.stop()
    throw error
  }
}

/** What makes `dfget` go that way. */
export function wayArguments({ lab, supernode, daemon }: WaysLab, way: Way): readonly string[] {
  switch (way) {
    case 'alone':
      return ['--no-daemon', '--data-dir', lab.path('alone')]
    case 'with a peer of its own':
      return ['--supernode', supernode.address, '--data-dir', lab.path('own-peer')]
    case 'through dfdaemon':
      return ['--socket', daemon.socket]
  }
}
