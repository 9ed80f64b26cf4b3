import * as z from 'zod'
import { hasSoundKey, s3AccessSettings, UNSOUND_KEY } from './s3-access.ts'

/** One entry of a list of buckets that may be origins. */
export const s3BucketSettings = z
  .strictObject({
    bucket: z
      .string()
      .regex(/^[\w.*-]+$/, { error: 'expected the name of a bucket' })
      .describe('Name of the bucket, or several by `*`; the first entry that fits a bucket counts'),
    ...s3AccessSettings,
  })
  .refine(hasSoundKey, { error: UNSOUND_KEY })

/** A bucket that may be an origin, or several by `*`, and how it is reached. */
export type S3Bucket = z.output<typeof s3BucketSettings>
