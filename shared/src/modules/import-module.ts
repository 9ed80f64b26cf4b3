import { existsSync } from 'node:fs'
import { registerHooks } from 'node:module'
import { isAbsolute, join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { DamselflyError, isDamselflyError, messageOf } from '../errors/damselfly-error.ts'

/** Tells a package that is to be looked for elsewhere from one of ours. */
const FROM_ELSEWHERE = 'damselfly-module:'

/** What a module exports, by name. */
export type Exported = Readonly<Record<string, unknown>>

/**
 * Loads somebody's own TypeScript or JavaScript module.
 *
 * @param kind what it is called in messages, such as `policy`
 * @param specifier a path that begins with `/`, `./` or `../`, or the name of an installed package
 * @param directory that relative paths and packages are looked for from
 * @param use makes of it what is wanted; throws CONFIG_INVALID, a line for each problem
 * @throws DamselflyError CONFIG_INVALID naming what cannot be found, is missing or has the wrong kind
 */
export async function loadModule<T>(kind: string, specifier: string, directory: string, use: (exported: Exported) => T | Promise<T>): Promise<T> {
  try {
    return await use(await importFrom(specifier, directory))
  } catch (error) {
    const problems = isDamselflyError(error, 'CONFIG_INVALID') ? error.message : `cannot be loaded: ${messageOf(error)}`
    const lines = problems.split('\n').map((problem) => `${kind} ${specifier}: ${problem}`)
    throw new DamselflyError('CONFIG_INVALID', lines.join('\n'), { cause: error })
  }
}

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
