import { OPTIONS, type GivenArguments, type GivenOptions } from './option-table.ts'

/** `-s, --name <value>` */
const FLAGS = /^(?:(?<short>-\w), )?(?<long>--(?<no>no-)?(?<name>[\w-]+))(?<value> <.*>)?$/

interface Known {
  /** In camel case. */
  readonly name: string
  readonly kind: 'switch' | 'negation' | 'value' | 'list'
}

/**
 * Reads a command line of which every word is certain: options by their full names, each value a word of its own.
 * Nearly all are so, and to load commander takes longer than the download of a small file.
 *
 * @returns undefined for any other one, which is not necessarily wrong
 */
export function readPlainArguments(args: readonly string[]): GivenArguments | undefined {
  const known = knownOptions()
  const options: Record<string, unknown> = { backToSource: true, progress: true, daemon: true }
  let url: string | undefined
  for (let i = 0; i < args.length; i++) {
    const word = args[i] as string
    const option = known.get(word)
    if (option === undefined) {
      if (url !== undefined || word.startsWith('-')) return undefined
      url = word
    } else if (option.kind === 'switch' || option.kind === 'negation') {
      options[option.name] = option.kind === 'switch'
    } else {
      const value = args[++i]
      if (value === undefined) return undefined
      options[option.name] = option.kind === 'list' ? [...((options[option.name] ?? []) as string[]), value] : value
    }
  }
  return { url, options: options as unknown as GivenOptions }
}

/** By each way to write them. */
function knownOptions(): ReadonlyMap<string, Known> {
  const known = new Map<string, Known>()
  for (const { flags, repeats } of OPTIONS) {
    const { short, long = '', no, name = '', value } = FLAGS.exec(flags)?.groups ?? {}
    const kind = value === undefined ? (no === undefined ? 'switch' : 'negation') : repeats === true ? 'list' : 'value'
    const option: Known = { name: name.replace(/-\w/g, (letter) => letter.slice(1).toUpperCase()), kind }
    known.set(long, option)
    if (short !== undefined) known.set(short, option)
  }
  return known
}
