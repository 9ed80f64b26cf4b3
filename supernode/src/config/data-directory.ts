import { homedir } from 'node:os'
import { join } from 'node:path'

/** The usual place of the supernode's data for the user who runs it. */
export function dataDirectory(env: Readonly<Record<string, string | undefined>>, uid: number | undefined): string {
  if (uid === 0) return '/var/lib/damselfly/supernode'
  const base = env['XDG_DATA_HOME']
  // The XDG specification says that a relative path is to be ignored.
  return join(base?.startsWith('/') === true ? base : join(homedir(), '.local', 'share'), 'damselfly', 'supernode')
}
