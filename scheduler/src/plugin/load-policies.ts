import { existsSync } from 'node:fs'
import { registerHooks } from 'node:module'
import { isAbsolute, join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { DamselflyError, isDamselflyError, messageOf } from '@damselfly/shared'
import { defaultPolicies } from '../policies/policies.ts'
import { checkModule, checkPolicies } from './check-policies.ts'
import type { PolicySet } from './policy-module.ts'

/** Tells a package that is to be looked for elsewhere from one of ours. */
const FROM_ELSEWHERE = 'damselfly-policy:'

/**
 * Loads policies from a TypeScript or JavaScript module.
 *
 * @param specifier a path that begins with `/`, `./` or `../`, or the name of an installed package
 * @param directory that relative paths and packages are looked for from
 * @throws DamselflyError CONFIG_INVALID naming what cannot be found, is missing or has the wrong kind
 */
export async function loadPolicies(specifier: string, directory: string): Promise<PolicySet> {
  try {
    const createPolicies = checkModule(await importFrom(specifier, directory))
    return checkPolicies(await createPolicies(defaultPolicies()))
  } catch (error) {
    if (isDamselflyError(error, 'CONFIG_INVALID')) throw refusal(specifier, error.message, error)
    throw refusal(specifier, `cannot be loaded: ${messageOf(error)}`, error)
  }
}

type Exported = Readonly<Record<string, unknown>>

async function importFrom(specifier: string, directory: string): Promise<Exported> {
  if (!isPath(specifier)) return importPackage(specifier, directory)
  const path = isAbsolute(specifier) ? specifier : join(directory, specifier)
  if (!existsSync(path)) throw new DamselflyError('CONFIG_INVALID', `there is no file ${path}`)
  return (await import(pathToFileURL(path).href)) as Exported
}

/** An import looks for packages from where it stands in the code, unless it is told otherwise. */
async function importPackage(specifier: string, directory: string): Promise<Exported> {
  const parentURL = pathToFileURL(join(directory, 'configuration')).href
  const hooks = registerHooks({
    resolve: (asked, context, next) => {
      return asked.startsWith(FROM_ELSEWHERE) ? next(asked.slice(FROM_ELSEWHERE.length), { ...context, parentURL }) : next(asked, context)
    },
  })
  try {
    return (await import(FROM_ELSEWHERE + specifier)) as Exported
  } finally {
    hooks.deregister()
  }
}

function isPath(specifier: string): boolean {
  return /^(\.{0,2})\//.test(specifier)
}

function refusal(specifier: string, problems: string, cause: unknown): DamselflyError {
  const lines = problems.split('\n').map((problem) => `policy ${specifier}: ${problem}`)
  return new DamselflyError('CONFIG_INVALID', lines.join('\n'), { cause })
}
