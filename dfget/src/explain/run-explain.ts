import type { Environment } from '../load-settings.ts'
import { openManagement } from '../management/open-management.ts'
import type { WriteLine } from '../progress/reporter.ts'
import type { ExplainJob } from './command.ts'
import { explain } from './explain.ts'

/** @throws DamselflyError */
export async function runExplain(job: ExplainJob, env: Environment, write: WriteLine): Promise<void> {
  await explain(job, await openManagement(job, env), write)
}
