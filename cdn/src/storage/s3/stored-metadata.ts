import type { TaskRecord } from '@damselfly/exchange'
import { decodeTaskRecord, encodeTaskRecord } from '@damselfly/exchange/store-parts'
import { sha256, type TaskId } from '@damselfly/shared'
import { randomBytes } from 'node:crypto'
import * as z from 'zod'

/** What the bucket keeps of a task beside its pieces. */
export interface TaskMetadata {
  readonly record: TaskRecord
  /** Of the content: part of the keys of its pieces, so that those of two versions never meet. */
  readonly version: string
  /** Bytes of its pieces when this was written. */
  readonly verifiedBytes: number
}

const count = z.number().int().nonnegative()

const metadata = z.object({
  record: z.string(),
  version: z.string().regex(/^[0-9a-f]{16}$/),
  verifiedBytes: count,
  uses: z.object({ hits: count, servedBytes: count, originBytes: count }).optional(),
})

/** Larger ones are not ours; bytes. */
export const MAX_METADATA_BYTES = 4 * 1024 * 1024

export function encodeMetadata({ record, version, verifiedBytes }: TaskMetadata): Buffer {
  return Buffer.from(JSON.stringify({ record: encodeTaskRecord(record), version, verifiedBytes, uses: record.uses }))
}

/** @returns undefined when it is damaged, or of a version of the program that is not understood */
export function decodeMetadata(taskId: TaskId, bytes: Buffer): TaskMetadata | undefined {
  try {
    const parsed = metadata.safeParse(JSON.parse(bytes.toString()))
    const record = parsed.success ? decodeTaskRecord(taskId, parsed.data.record) : undefined
    if (!parsed.success || record === undefined) return undefined
    const { version, verifiedBytes, uses } = parsed.data
    return { record: uses === undefined ? record : { ...record, uses }, version, verifiedBytes }
  } catch {
    return undefined
  }
}

/**
 * The same for everybody who stores the same version, if a strong validator or a digest tells it from others; else one of its own.
 */
export function versionOf({ pieceSize, etag, expectedDigest }: TaskRecord): string {
  const isStrong = etag !== '' && !etag.startsWith('W/')
  if (!isStrong && expectedDigest === undefined) return randomBytes(8).toString('hex')
  const digest = expectedDigest === undefined ? '' : Buffer.from(expectedDigest).toString('hex')
  return Buffer.from(sha256(Buffer.from(JSON.stringify([pieceSize, isStrong ? etag : '', digest])))).toString('hex').slice(0, 16)
}
