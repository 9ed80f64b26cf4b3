import { createHash, hash as hashAtOnce } from 'node:crypto'
import type { Sha256 } from './digest.ts'

export function sha256(...parts: readonly Uint8Array[]): Sha256 {
  const [only] = parts
  if (only !== undefined && parts.length === 1) return hashAtOnce('sha256', only, 'buffer')
  const hash = createHash('sha256')
  for (const part of parts) hash.update(part)
  return hash.digest()
}
