import type { WriteLine } from '../progress/reporter.ts'
import { readSettings } from '../config.ts'
import { chooseConfigFile, type Environment } from '../load-settings.ts'
import type { ExplainJob } from './command.ts'
import { explain } from './explain.ts'
import { ManagementClient } from '../management/management-client.ts'

/** @throws DamselflyError */
export async function runExplain(job: ExplainJob, env: Environment, write: WriteLine): Promise<void> {
  const flags = { management: job.flags }
  const { management } = await readSettings({ configFile: chooseConfigFile(job.configFile, env), flags, env })
  await explain(job, await ManagementClient.open(management, env), write)
}
