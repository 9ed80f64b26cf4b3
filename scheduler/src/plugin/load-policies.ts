import { loadModule } from '@damselfly/shared/modules'
import { defaultPolicies } from '../policies/policies.ts'
import { checkModule, checkPolicies } from './check-policies.ts'
import type { PolicySet } from './policy-module.ts'

/**
 * Loads policies from a TypeScript or JavaScript module.
 *
 * @param specifier a path that begins with `/`, `./` or `../`, or the name of an installed package
 * @param directory that relative paths and packages are looked for from
 * @throws DamselflyError CONFIG_INVALID naming what cannot be found, is missing or has the wrong kind
 */
export async function loadPolicies(specifier: string, directory: string): Promise<PolicySet> {
  return await loadModule('policy', specifier, directory, async (exported) => checkPolicies(await checkModule(exported)(defaultPolicies())))
}
