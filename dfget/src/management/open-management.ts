import { readSettings } from '../config.ts'
import { chooseConfigFile, type Environment } from '../load-settings.ts'
import { findToken } from './find-token.ts'
import { ManagementClient } from './management-client.ts'
import type { ManagementJob } from './options.ts'

/** What is asked of a supernode, by the command line, the environment and the configuration. @throws DamselflyError CONFIG_INVALID, DISK_DENIED, DISK_FAILED */
export async function openManagement({ configFile, flags: { url, tokenFile, token } }: ManagementJob, env: Environment): Promise<ManagementClient> {
  const flags = { management: { url } }
  const { management } = await readSettings({ configFile: chooseConfigFile(configFile, env), flags, env })
  const places = { token, namedFile: tokenFile, configuredFile: management.tokenFile }
  return new ManagementClient(management.url, await findToken(places, env))
}
