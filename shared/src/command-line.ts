import { CommanderError, type Command } from 'commander'
import { DamselflyError } from './errors/damselfly-error.ts'

/** Parses the values of an option that may be given several times. */
export function collect(value: string, earlier: readonly string[] | undefined): string[] {
  return [...(earlier ?? []), value]
}

/**
 * Parses a command line without writing to the terminal or ending the process.
 *
 * @param args without the program itself
 * @returns what `--help` or `--version` would print, if one of them was asked for
 * @throws DamselflyError USAGE
 */
export function parseCommandLine(command: Command, args: readonly string[]): string | undefined {
  let printed = ''
  for (const each of [command, ...command.commands]) {
    each.exitOverride().allowExcessArguments(false)
    each.configureOutput({ writeOut: (text) => (printed += text), writeErr: () => undefined })
  }
  try {
    command.parse(args, { from: 'user' })
    return undefined
  } catch (error) {
    if (!(error instanceof CommanderError)) throw error
    if (error.exitCode === 0) return printed
    // A suggestion stands on a line of its own.
    throw new DamselflyError('USAGE', error.message.replace(/^error: /, '').replaceAll('\n', ' '))
  }
}
