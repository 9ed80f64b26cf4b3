import { DamselflyError, flowOf, type ByteFlow, type Clock, type ErrorCode } from '@damselfly/shared'
import { exportedFunction, isInstead, loadModule, problemsOfMembers } from '@damselfly/shared/modules'
import { guardSource } from './guard-source.ts'
import type { SourceClient } from '../source-client.ts'

/** What a module with a source client is given to work with. */
export interface SourceContext extends SourceTools {
  /** For origins behind HTTP: with the limits, the rules for private addresses and the care for redirects of the program. */
  readonly http: SourceClient
  readonly clock: Clock
}

/** So that a module need not import them, and can stand anywhere. */
export interface SourceTools {
  /** @param code which tells others what to do, see docs/reference/errors.md */
  readonly error: (code: ErrorCode, message: string, options?: { readonly cause?: unknown }) => DamselflyError
  /** A body of what is iterated over. */
  readonly flowOf: (chunks: AsyncIterable<Uint8Array>) => ByteFlow
}

/** Makes one source client. What it starts it ends in `close`. */
export type CreateSource = (context: SourceContext) => SourceClient | Promise<SourceClient>

/** What a module with a source client exports. */
export interface SourceModule {
  readonly createSource: CreateSource
}

const TOOLS: SourceTools = { error: (...given) => new DamselflyError(...given), flowOf }
const METHODS = { probe: 'function', read: 'function', list: 'function?', close: 'function' } as const
const SCHEME = /^[a-z][a-z0-9+.-]*:$/

/**
 * Loads a source client from a TypeScript or JavaScript module.
 *
 * @param specifier a path that begins with `/`, `./` or `../`, or the name of an installed package
 * @param directory that relative paths and packages are looked for from
 * @throws DamselflyError CONFIG_INVALID naming what cannot be found, is missing or has the wrong kind
 */
export async function loadSource(specifier: string, directory: string, context: Omit<SourceContext, keyof SourceTools>): Promise<SourceClient> {
  return await loadModule('source', specifier, directory, async (exported) => {
    const createSource = exportedFunction(exported, 'createSource') as CreateSource
    return guardSource(checkSource(await createSource({ ...context, ...TOOLS })))
  })
}

/** @param made what `createSource` gave @throws DamselflyError CONFIG_INVALID naming every problem, one per line */
function checkSource(made: unknown): SourceClient {
  const problems = problemsOfMembers(made, METHODS, 'what createSource returns')
  if (problems.length === 0) problems.push(...problemsOfSchemes(made as SourceClient))
  if (problems.length > 0) throw new DamselflyError('CONFIG_INVALID', problems.join('\n'))
  return made as SourceClient
}

function problemsOfSchemes({ schemes }: { readonly schemes?: unknown }): string[] {
  const isSound = Array.isArray(schemes) && schemes.length > 0 && schemes.every((scheme) => typeof scheme === 'string' && SCHEME.test(scheme))
  return isSound ? [] : [`what createSource returns.schemes ${isInstead(schemes, 'list of schemes such as "ftp:"')}`]
}
