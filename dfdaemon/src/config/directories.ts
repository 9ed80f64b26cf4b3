import { homedir } from 'node:os'
import { isAbsolute, join } from 'node:path'

export type Environment = Readonly<Record<string, string | undefined>>

/** The usual place of a daemon's data for the user who runs it. */
export function defaultDataDir(env: Environment, isRoot: boolean): string {
  if (isRoot) return '/var/lib/damselfly/dfdaemon'
  return join(xdgDirectory(env, 'XDG_DATA_HOME', '.local/share'), 'damselfly', 'dfdaemon')
}

/** Where the configuration is looked for when nothing names it; it need not exist. */
export function defaultConfigFile(env: Environment, isRoot: boolean): string {
  if (isRoot) return '/etc/damselfly/dfdaemon.yaml'
  return join(xdgDirectory(env, 'XDG_CONFIG_HOME', '.config'), 'damselfly', 'dfdaemon.yaml')
}

/** The XDG specification says that a relative path is to be ignored. */
function xdgDirectory(env: Environment, variable: string, belowHome: string): string {
  const base = env[variable]
  return base !== undefined && isAbsolute(base) ? base : join(homedir(), belowHome)
}
