import { configFileVariable, loadConfig, readConfigFile, readConfigFileIfPresent, type ConfigFile } from '@damselfly/shared/config'
import { daemonConfigSchema, type DaemonConfig } from '../config/config.ts'
import { defaultConfigFile, type Environment } from '../config/directories.ts'

export interface ConfigurationSources {
  /** The file that the command line names. */
  readonly configFile: string | undefined
  readonly flags: Readonly<Record<string, unknown>>
  readonly env: Environment
  readonly isRoot: boolean
}

/** @throws DamselflyError CONFIG_INVALID */
export async function readConfiguration(sources: ConfigurationSources): Promise<DaemonConfig> {
  const { flags, env } = sources
  return loadConfig({ schema: daemonConfigSchema, program: 'dfdaemon', file: await configFile(sources), env, flags })
}

/** A file that somebody named must exist; the usual one need not. */
function configFile({ configFile: named, env, isRoot }: ConfigurationSources): Promise<ConfigFile | undefined> {
  const path = named ?? (env[configFileVariable('dfdaemon')] || undefined)
  return path === undefined ? readConfigFileIfPresent(defaultConfigFile(env, isRoot)) : readConfigFile(path)
}
