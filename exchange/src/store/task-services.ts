import type { Clock } from '@damselfly/shared'
import type { Logger } from '@damselfly/shared/logging'
import type { Writing } from './bytes/writing.ts'
import type { PieceChecker } from './piece-checker.ts'
import type { Sidecars } from './sidecars.ts'
import type { Run, StoreIndex } from './store-index.ts'
import type { TaskLedger } from './task-ledger.ts'

/** What the tasks of one store share. */
export interface TaskServices {
  readonly index: StoreIndex
  readonly ledger: TaskLedger
  readonly checker: PieceChecker
  readonly run: Run
  /** Where what the index has of a whole task is written beside its file too. */
  readonly sidecars: Sidecars | undefined
  readonly writing: Writing
  readonly clock: Clock
  readonly logger: Logger
}
