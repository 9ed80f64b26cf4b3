import { readSettings } from '../config.ts'
import { chooseConfigFile, type Environment } from '../load-settings.ts'
import { findLocalCas, findToken } from './find-token.ts'
import { ManagementClient } from './management-client.ts'
import type { ManagementJob } from './options.ts'

/** What is asked of a supernode, by the command line, the environment and the configuration. @throws DamselflyError CONFIG_INVALID, DISK_DENIED, DISK_FAILED */
export async function openManagement({ configFile, flags }: ManagementJob, env: Environment): Promise<ManagementClient> {
  const { url, tokenFile, token, caFile, fingerprint, clientCertificate, clientKey } = flags
  const given = { management: { url, caFile, fingerprint, clientCertificate, clientKey } }
  const { management } = await readSettings({ configFile: chooseConfigFile(configFile, env), flags: given, env })
  const isKnownByCertificate = management.clientCertificate !== undefined
  const places = { token, namedFile: tokenFile, configuredFile: management.tokenFile, configuredCommand: management.tokenCommand, isOptional: isKnownByCertificate }
  return new ManagementClient(management.url, await findToken(places, env), { ...management, localCas: await findLocalCas(env) })
}
