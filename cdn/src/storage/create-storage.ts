import { availableParallelism } from 'node:os'
import { join } from 'node:path'
import { createLocalPieceStore, diskSpace, type PieceStore, type Space } from '@damselfly/exchange'
import { writingHere, writingInThread } from '@damselfly/exchange/store-parts'
import { DamselflyError, type Clock } from '@damselfly/shared'
import type { Logger } from '@damselfly/shared/logging'
import type { StorageSettings } from './storage-settings.ts'

export interface StorageInit {
  readonly settings: StorageSettings
  /** Belongs to this store alone. */
  readonly directory: string
  readonly clock: Clock
  readonly logger: Logger
}

/** Where the CDN keeps contents, and how much of it there is. */
export interface Storage {
  readonly pieces: PieceStore
  /** Bytes. */
  readonly space: () => Promise<Omit<Space, 'used'>>
}

/** No more than JSON can carry. */
const ENDLESS = { free: Number.MAX_SAFE_INTEGER, total: Number.MAX_SAFE_INTEGER }

/** The driver that is configured. What only one of them needs is loaded with it. */
export async function createStorage(init: StorageInit): Promise<Storage> {
  // This thread has to decide for everybody and to send what is fetched.
  const writesInThread = availableParallelism() > 1
  const { settings, directory, clock, logger } = init
  if (settings.driver === 'local') {
    return {
      pieces: createLocalPieceStore({ directory, writesInThread, keepsSidecars: true, clock, logger }),
      space: () => diskSpace(directory),
    }
  }
  const { bucket, prefix, memory, ...access } = settings.s3
  if (bucket === undefined) throw new DamselflyError('CONFIG_INVALID', 'cdn.storage.s3.bucket: the driver s3 needs a bucket')
  const [{ createS3PieceStore }, { createS3Client }] = await Promise.all([import('./s3/s3-piece-store.ts'), import('../s3/s3-client.ts')])
  const pieces = createS3PieceStore({
    createClient: () => createS3Client(access),
    bucket,
    prefix,
    memory,
    spoolFile: join(directory, 'spool'),
    createWriting: writesInThread ? writingInThread : writingHere,
    clock,
    logger,
  })
  return { pieces, space: () => Promise.resolve(ENDLESS) }
}
