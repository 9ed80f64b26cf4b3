export { hasSoundKey, s3AccessSettings, UNSOUND_KEY, type S3Access } from './s3-access.ts'
export { createS3Client } from './s3-client.ts'
export { s3Error } from './s3-errors.ts'
export { DEFAULT_S3_LIMITS, type S3Limits } from './s3-limits.ts'
