import type { Logger } from '@damselfly/shared/logging'
import type { TaskId } from '@damselfly/shared'
import type { HotPieces } from './hot-pieces.ts'
import type { S3Bucket } from './s3-bucket.ts'
import type { Spool } from './spool.ts'
import type { TaskCatalogue } from './task-catalogue.ts'

/** What the tasks of one bucket share. */
export interface S3TaskServices {
  readonly bucket: S3Bucket
  readonly catalogue: TaskCatalogue
  readonly hot: HotPieces
  readonly spool: Spool
  /** Writes a task's metadata now. */
  readonly save: (taskId: TaskId) => Promise<void>
  readonly logger: Logger
}
