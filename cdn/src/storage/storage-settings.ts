import { byteSize } from '@damselfly/shared/config'
import * as z from 'zod'
import { hasSoundKey, s3AccessSettings, UNSOUND_KEY } from '../s3/s3-access.ts'

const MIB = 1024 * 1024

/** The largest piece has 16 MiB, and one must always fit. */
const LEAST_MEMORY = 32 * MIB

const s3 = z
  .strictObject({
    bucket: z.string().min(3).max(63).optional().describe('The bucket that contents are kept in; it must exist'),
    prefix: z
      .string()
      .max(256)
      .regex(/^(?:[\w.-]+\/)*$/, { error: 'expected names that each end with a slash' })
      .default('damselfly/')
      .describe('What the keys of all objects begin with'),
    ...s3AccessSettings,
    memory: byteSize()
      .refine((bytes) => bytes >= LEAST_MEMORY, { error: 'expected at least 32MiB' })
      .default(64 * MIB)
      .describe('What pieces may take of the memory: those on their way to and from the bucket, and those written or read lately'),
  })
  .refine(hasSoundKey, { error: UNSOUND_KEY })

/** Where the CDN keeps contents. */
export const storageSettings = z
  .strictObject({
    driver: z
      .enum(['local', 's3'])
      .default('local')
      .describe('Where contents are kept: `local` on the disk of this machine, `s3` in a bucket, which several supernodes may share'),
    s3: s3.prefault({}),
  })
  .refine(({ driver, s3: { bucket } }) => driver !== 's3' || bucket !== undefined, {
    error: 'the driver s3 needs a bucket',
    path: ['s3', 'bucket'],
  })

export type StorageSettings = z.output<typeof storageSettings>
