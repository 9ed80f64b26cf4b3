import { readFile } from 'node:fs/promises'
import { homedir } from 'node:os'
import { isAbsolute, join } from 'node:path'
import { DamselflyError, diskError, readIfThere } from '@damselfly/shared'
import type { Environment } from '../load-settings.ts'

/** Where a supernode that runs as a service keeps its data. */
const SYSTEM_DATA = '/var/lib/damselfly/supernode'

/** Where somebody said that the token is. */
export interface TokenPlaces {
  /** The token itself. */
  readonly token: string | undefined
  /** Of the command line, which goes before the environment. */
  readonly namedFile: string | undefined
  /** Of the configuration. */
  readonly configuredFile: string | undefined
  /** Prints one; likewise. */
  readonly configuredCommand?: string | undefined
  /** Whether there may be none, since a client certificate says who asks. */
  readonly isOptional?: boolean
}

/** The token for the management API; a supernode of the same user or host has left one. @throws DamselflyError CONFIG_INVALID, DISK_DENIED, DISK_FAILED */
export async function findToken(places: TokenPlaces & { readonly isOptional?: false }, env: Environment): Promise<string>
export async function findToken(places: TokenPlaces, env: Environment): Promise<string | undefined>
export async function findToken({ token, namedFile, configuredFile, configuredCommand, isOptional }: TokenPlaces, env: Environment): Promise<string | undefined> {
  const given = token ?? (namedFile === undefined ? env['DAMSELFLY_TOKEN'] : undefined)
  if (given !== undefined && given !== '') return given.trim()
  if (namedFile === undefined && configuredCommand !== undefined) return (await import('./token-command.ts')).runTokenCommand(configuredCommand)
  const named = namedFile ?? configuredFile
  if (named === undefined && isOptional === true) return undefined
  const candidates = named === undefined ? supernodeFolders(env).map((folder) => join(folder, 'admin-token')) : [named]
  for (const path of candidates) {
    const text = await readIfThere(path).catch((error: unknown) => {
      throw diskError(error, `read the token in ${path}`)
    })
    if (text !== undefined) return text.trim()
  }
  throw new DamselflyError('CONFIG_INVALID', `there is no token in ${candidates.join(' or ')}; name its file with --token-file, or set DAMSELFLY_TOKEN`)
}

/** The CAs of supernodes on this host, as far as they may be read. */
export async function findLocalCas(env: Environment): Promise<readonly string[]> {
  const found = supernodeFolders(env).map(async (folder) => readFile(join(folder, 'management-ca.pem'), 'utf8').catch(() => undefined))
  return (await Promise.all(found)).filter((certificate) => certificate !== undefined)
}

/** Where a supernode of the same user keeps its data, and where one does that runs as a service. */
function supernodeFolders({ XDG_DATA_HOME: base }: Environment): readonly string[] {
  const data = base !== undefined && isAbsolute(base) ? base : join(homedir(), '.local', 'share')
  return [join(data, 'damselfly', 'supernode'), SYSTEM_DATA]
}
