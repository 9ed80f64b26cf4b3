import { systemClock } from '@damselfly/shared'
import { readSettings } from '../config.ts'
import { ManagementClient } from '../management/management-client.ts'
import { chooseConfigFile, type Environment } from '../load-settings.ts'
import type { WriteLine } from '../progress/reporter.ts'
import type { PreheatJob } from './command.ts'
import { preheat } from './preheat.ts'

/** @throws DamselflyError */
export async function runPreheat(job: PreheatJob, env: Environment, write: WriteLine): Promise<void> {
  const flags = { management: job.flags }
  const { management } = await readSettings({ configFile: chooseConfigFile(job.configFile, env), flags, env })
  await preheat(job, await ManagementClient.open(management, env), write, systemClock)
}
