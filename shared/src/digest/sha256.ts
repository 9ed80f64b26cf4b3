import { createHash, hash as hashAtOnce } from 'node:crypto'
import type { Sha256 } from './digest.ts'

/** Parts of together so many bytes are joined: a hash that is fed part by part costs four times as much. */
const JOINED_BYTES = 4096

export function sha256(...parts: readonly Uint8Array[]): Sha256 {
  const [only] = parts
  if (only !== undefined && parts.length === 1) return hashAtOnce('sha256', only, 'buffer')
  if (parts.reduce((sum, { length }) => sum + length, 0) <= JOINED_BYTES) return hashAtOnce('sha256', Buffer.concat(parts), 'buffer')
  const hash = createHash('sha256')
  for (const part of parts) hash.update(part)
  return hash.digest()
}
