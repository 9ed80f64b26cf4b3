import { readFile } from 'node:fs/promises'
import { homedir } from 'node:os'
import { isAbsolute, join } from 'node:path'
import { DamselflyError, diskError, systemCode } from '@damselfly/shared'
import type { Environment } from '../load-settings.ts'

/** Where a supernode that runs as a service keeps its admin token. */
const SYSTEM_TOKEN_FILE = '/var/lib/damselfly/supernode/admin-token'

/** Where somebody said that the token is. */
export interface TokenPlaces {
  /** The token itself. */
  readonly token: string | undefined
  /** Of the command line, which goes before the environment. */
  readonly namedFile: string | undefined
  /** Of the configuration. */
  readonly configuredFile: string | undefined
}

/** The token for the management API; a supernode of the same user or host has left one. @throws DamselflyError CONFIG_INVALID, DISK_DENIED, DISK_FAILED */
export async function findToken({ token, namedFile, configuredFile }: TokenPlaces, env: Environment): Promise<string> {
  const given = token ?? (namedFile === undefined ? env['DAMSELFLY_TOKEN'] : undefined)
  if (given !== undefined && given !== '') return given.trim()
  const named = namedFile ?? configuredFile
  const candidates = named === undefined ? [ownTokenFile(env), SYSTEM_TOKEN_FILE] : [named]
  for (const path of candidates) {
    try {
      return (await readFile(path, 'utf8')).trim()
    } catch (error) {
      if (systemCode(error) !== 'ENOENT') throw diskError(error, `read the token in ${path}`)
    }
  }
  throw new DamselflyError('CONFIG_INVALID', `there is no token in ${candidates.join(' or ')}; name its file with --token-file, or set DAMSELFLY_TOKEN`)
}

/** Where a supernode of the same user keeps it. */
function ownTokenFile({ XDG_DATA_HOME: base }: Environment): string {
  const data = base !== undefined && isAbsolute(base) ? base : join(homedir(), '.local', 'share')
  return join(data, 'damselfly', 'supernode', 'admin-token')
}
