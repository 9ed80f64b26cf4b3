import { z } from 'zod'
import { isTaskId, type Sha256, type TaskId } from '@damselfly/shared'
import type { TaskRecord } from './piece-store.ts'

const bytes = z.number().int().nonnegative()
const digest = z.string().regex(/^[0-9a-f]{64}$/)

const storedRecord = z.object({
  url: z.string(),
  filteredQueryParams: z.array(z.string()),
  tag: z.string(),
  application: z.string(),
  range: z.object({ start: bytes, end: bytes.optional() }).optional(),
  headers: z.array(z.tuple([z.string(), z.string()])),
  expectedDigest: digest.optional(),
  contentDigest: digest.optional(),
  contentLength: bytes.optional(),
  pieceSize: z.number().int().positive(),
  etag: z.string(),
  lastModified: z.string(),
  isPrivate: z.boolean(),
  pinned: z.boolean(),
  signedManifest: z.base64().optional(),
  createdAt: z.number(),
  lastUsedAt: z.number(),
})

type StoredRecord = z.infer<typeof storedRecord>

export function encodeTaskRecord(record: TaskRecord): string {
  const { taskId: _, uses: __, headers, expectedDigest, contentDigest, signedManifest, filteredQueryParams, ...plain } = record
  const stored: StoredRecord = {
    ...plain,
    filteredQueryParams: [...filteredQueryParams],
    headers: headers.map(([name, value]) => [name, value]),
    expectedDigest: toHex(expectedDigest),
    contentDigest: toHex(contentDigest),
    signedManifest: signedManifest === undefined ? undefined : Buffer.from(signedManifest).toString('base64'),
  }
  return JSON.stringify(stored)
}

/** @returns undefined when the text is not a record: damaged, or of a version that is not understood. */
export function decodeTaskRecord(taskId: string, text: string): TaskRecord | undefined {
  if (!isTaskId(taskId)) return undefined
  const stored = storedRecord.safeParse(parseJson(text))
  return stored.success ? fromStored(taskId, stored.data) : undefined
}

function fromStored(taskId: TaskId, stored: StoredRecord): TaskRecord {
  return {
    ...stored,
    taskId,
    range: stored.range,
    expectedDigest: fromHex(stored.expectedDigest),
    contentDigest: fromHex(stored.contentDigest),
    contentLength: stored.contentLength,
    signedManifest: stored.signedManifest === undefined ? undefined : fromBase64(stored.signedManifest),
  }
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

function toHex(value: Sha256 | undefined): string | undefined {
  return value === undefined ? undefined : Buffer.from(value).toString('hex')
}

function fromHex(text: string | undefined): Sha256 | undefined {
  return text === undefined ? undefined : new Uint8Array(Buffer.from(text, 'hex'))
}

function fromBase64(text: string): Uint8Array {
  return new Uint8Array(Buffer.from(text, 'base64'))
}
