import { mkdir, stat } from 'node:fs/promises'
import { DamselflyError } from './errors/damselfly-error.ts'
import { diskError } from './errors/disk-error.ts'

const ROOT = 0
const OTHERS_WRITE = 0o002
const STICKY = 0o1000

/**
 * Makes a directory for this user alone. One that is there already is taken if no other user can put anything into it: what
 * lies in it is trusted, and a link there would lead what is written somewhere else.
 *
 * @throws DamselflyError DISK_DENIED, DISK_FULL, DISK_FAILED
 */
export async function makeOwnDirectory(path: string): Promise<void> {
  await mkdir(path, { recursive: true, mode: 0o700 }).catch((error: unknown) => {
    throw diskError(error, `create ${path}`)
  })
  await requireOwnDirectory(path)
}

/**
 * Refuses a directory that another user could change.
 *
 * @param mayBeSticky whether one like /tmp will do, where everybody may add files but nobody may replace another's
 * @throws DamselflyError DISK_DENIED
 */
export async function requireOwnDirectory(path: string, mayBeSticky = false): Promise<void> {
  const self = process.geteuid?.()
  if (self === undefined) return
  const { uid, mode } = await stat(path).catch((error: unknown) => {
    throw diskError(error, `look at ${path}`)
  })
  if (uid !== self && uid !== ROOT) {
    throw new DamselflyError('DISK_DENIED', `${path} belongs to another user (${uid}), who could change what lies in it`)
  }
  const isShared = (mode & OTHERS_WRITE) !== 0 && !(mayBeSticky && (mode & STICKY) !== 0)
  if (isShared) throw new DamselflyError('DISK_DENIED', `every user may write into ${path}; take a directory of its own, or chmod o-w it`)
}
