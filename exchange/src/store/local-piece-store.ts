import type { PieceStore } from './piece-store.ts'
import { RunningStore, type LocalPieceStoreInit } from './running-store.ts'
import { startable } from './startable-store.ts'

export type { LocalPieceStoreInit }

/**
 * The piece store on the local disk:
 *
 * ```
 * <directory>/index/           level: records, states, piece digests
 * <directory>/tasks/ab/ab12…   the sparse file of task ab12…
 * ```
 */
export function createLocalPieceStore(init: LocalPieceStoreInit): PieceStore {
  return startable(() => RunningStore.start(init))
}
