import { DamselflyError, messageOf, systemCode } from './damselfly-error.ts'

const FULL = new Set(['ENOSPC', 'EDQUOT', 'EFBIG'])
const DENIED = new Set(['EACCES', 'EPERM', 'EROFS'])

/** A file system error as one of ours. `doing` reads "write /data/x". */
export function diskError(error: unknown, doing: string): DamselflyError {
  if (error instanceof DamselflyError) return error
  const system = systemCode(error) ?? ''
  const code = FULL.has(system) ? 'DISK_FULL' : DENIED.has(system) ? 'DISK_DENIED' : 'DISK_FAILED'
  return new DamselflyError(code, `cannot ${doing}: ${messageOf(error)}`, { cause: error })
}
