import { DamselflyError, diskError, messageOf, systemCode } from '@damselfly/shared'

/** An error of level as one of ours. `doing` reads "open the index in /data". */
export function indexError(error: unknown, doing: string): DamselflyError {
  if (error instanceof DamselflyError) return error
  // Level says "not open" and keeps what happened as the cause.
  const inner = error instanceof Error && error.cause !== undefined ? error.cause : error
  if (systemCode(inner) === 'LEVEL_LOCKED') {
    return new DamselflyError('STORE_LOCKED', `cannot ${doing}: another process uses it`, { cause: inner })
  }
  const text = messageOf(inner)
  // LevelDB gives the text of errno only.
  if (/no space left|quota exceeded|file too large/i.test(text)) return withCode('DISK_FULL', doing, inner)
  if (/permission denied|not permitted|read-only/i.test(text)) return withCode('DISK_DENIED', doing, inner)
  return diskError(inner, doing)
}

/** Whether level found its own files damaged. */
export function isIndexDamage(error: unknown): boolean {
  if (!(error instanceof Error)) return false
  return systemCode(error) === 'LEVEL_CORRUPTION' || namesNoFile(error) || isIndexDamage(error.cause)
}

/** The file that says where to begin says something else: what LevelDB makes of such a name is an error of the disk. */
function namesNoFile(error: Error): boolean {
  return systemCode(error) === 'LEVEL_IO_ERROR' && /no such file|not a directory|is a directory|name too long|invalid argument/i.test(error.message)
}

function withCode(code: 'DISK_FULL' | 'DISK_DENIED', doing: string, cause: unknown): DamselflyError {
  return new DamselflyError(code, `cannot ${doing}: ${messageOf(cause)}`, { cause })
}
