import { existsSync } from 'node:fs'
import { resolve } from 'node:path'
import { DamselflyError, messageOf } from '@damselfly/shared'
import { guardPolicies } from '../plugin/guard-policies.ts'
import { loadPolicies } from '../plugin/load-policies.ts'
import type { SchedulerPolicies } from '../policies/policies.ts'

/**
 * Policies for one scheduler. Here a fault of theirs ends everything, so that it is seen.
 *
 * @param module a file, or the name of a package; undefined: the defaults
 * @throws DamselflyError CONFIG_INVALID
 */
export async function loadChosenPolicies(module: string | undefined): Promise<SchedulerPolicies | undefined> {
  if (module === undefined) return undefined
  const file = resolve(module)
  const policies = await loadPolicies(existsSync(file) ? file : module, process.cwd())
  return guardPolicies(policies, ({ policy, error }) => {
    throw new DamselflyError('CONFIG_INVALID', `policy ${module}: ${policy}: ${messageOf(error)}`, { cause: error })
  })
}
