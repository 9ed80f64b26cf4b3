import type { StoredTask } from './piece-store.ts'

/**
 * Whether everything is here that makes the content: every piece, each with its digest, and where the
 * caller named a digest of the whole, the whole was found to have it.
 */
export function isWhole({ isComplete, record }: Pick<StoredTask, 'isComplete' | 'record'>): boolean {
  return isComplete && (record.expectedDigest === undefined || record.contentDigest !== undefined)
}
