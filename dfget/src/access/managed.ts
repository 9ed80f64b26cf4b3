import type { ManagementClient } from '../management/management-client.ts'
import type { ManagementJob } from '../management/options.ts'
import type { WriteLine } from '../progress/reporter.ts'

/** What is asked of a supernode in one go. */
export interface ManagedJob extends ManagementJob {
  readonly act: (client: ManagementClient, write: WriteLine) => Promise<void>
}
