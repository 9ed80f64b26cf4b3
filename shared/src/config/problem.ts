import { DamselflyError } from '../errors/damselfly-error.ts'

/** One thing that is wrong with a configuration. */
export interface Problem {
  /** The dotted path of the setting, or the name of the file or variable. */
  readonly where: string
  readonly message: string
  /** `file.yaml:12`, the name of a variable or flag, or undefined where `where` says it all. */
  readonly source: string | undefined
}

/** CONFIG_INVALID with one line per problem. */
export function configError(problems: readonly Problem[]): DamselflyError {
  const lines = problems.map(({ where, message, source }) => {
    const place = source === undefined ? where : `${where} (${source})`
    return `${place}: ${message}`
  })
  return new DamselflyError('CONFIG_INVALID', lines.join('\n'))
}
