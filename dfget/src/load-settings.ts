import { existsSync } from 'node:fs'
import { homedir } from 'node:os'
import { isAbsolute, join } from 'node:path'
import { DEFAULT_SETTINGS, type SettingFlags, type Settings } from './settings.ts'

export type Environment = Readonly<Record<string, string | undefined>>

export interface SettingsInput {
  /** The configuration file; undefined: none. */
  readonly configFile: string | undefined
  readonly flags: SettingFlags
  readonly env: Environment
}

const SYSTEM_CONFIG_FILE = '/etc/damselfly/dfget.yaml'
const ANY_VARIABLE = 'DAMSELFLY_'
const CONFIG_FILE_VARIABLE = 'DAMSELFLY_DFGET_CONFIG'

/**
 * Flags before environment before file before defaults. The schema and all that it needs
 * are loaded only when there is something to check or convert.
 *
 * @throws DamselflyError CONFIG_INVALID
 */
export async function loadSettings(input: SettingsInput): Promise<Settings> {
  if (!needsSchema(input)) return { ...DEFAULT_SETTINGS, ...withoutUndefined(input.flags) }
  const { readSettings } = await import('./config.ts')
  return readSettings(input)
}

/** The file that somebody named, or the usual one of the user or the system if it exists. */
export function chooseConfigFile(named: string | undefined, env: Environment): string | undefined {
  const chosen = named ?? (env[CONFIG_FILE_VARIABLE] || undefined)
  if (chosen !== undefined) return chosen
  const own = join(xdgDirectory(env, 'XDG_CONFIG_HOME', '.config'), 'damselfly', 'dfget.yaml')
  return [own, SYSTEM_CONFIG_FILE].find((path) => existsSync(path))
}

/** Where unfinished downloads are kept when nothing else is configured. */
export function defaultDataDir(env: Environment): string {
  return join(xdgDirectory(env, 'XDG_CACHE_HOME', '.cache'), 'damselfly', 'dfget')
}

function needsSchema({ configFile, flags, env }: SettingsInput): boolean {
  const hasUnits = flags.timeout !== undefined || flags.limitRate !== undefined || flags.limitUpload !== undefined
  return configFile !== undefined || hasUnits || Object.keys(env).some((name) => name.startsWith(ANY_VARIABLE))
}

/** The XDG specification says that a relative path is to be ignored. */
function xdgDirectory(env: Environment, variable: string, belowHome: string): string {
  const base = env[variable]
  return base !== undefined && isAbsolute(base) ? base : join(homedir(), belowHome)
}

function withoutUndefined(flags: SettingFlags): Partial<Settings> {
  return Object.fromEntries(Object.entries(flags).filter(([, value]) => value !== undefined))
}
