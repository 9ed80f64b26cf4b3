import { systemClock } from '@damselfly/shared'
import type { Environment } from '../load-settings.ts'
import { openManagement } from '../management/open-management.ts'
import type { WriteLine } from '../progress/reporter.ts'
import type { PreheatJob } from './command.ts'
import { preheat } from './preheat.ts'

/** @throws DamselflyError */
export async function runPreheat(job: PreheatJob, env: Environment, write: WriteLine): Promise<void> {
  await preheat(job, await openManagement(job, env), write, systemClock)
}
