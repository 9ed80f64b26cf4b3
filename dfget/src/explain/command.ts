import { DamselflyError } from '@damselfly/shared'
import { parseCommandLine } from '@damselfly/shared/command-line'
import { Command } from 'commander'
import { addManagementOptions, managementJob, type ManagementJob, type ManagementOptions } from '../management/options.ts'

/** What `dfget explain` is asked. */
export interface ExplainJob extends ManagementJob {
  /** Id of a task, or its URL. */
  readonly task: string
  readonly piece: number | undefined
  /** Id of a child, or the end of it. */
  readonly peer: string | undefined
}

interface GivenOptions extends ManagementOptions {
  readonly piece?: string
  readonly peer?: string
}

const NOTES = `
Asks the supernode's management API, so it needs a token: run it where the supernode runs, as the same user or as root, or say where
the API is and give it a token of a viewer (dfget token create). What it says is what the supernode still remembers.

  dfget explain https://files.example/big.iso --piece 17 --peer gRgFD12345
`

/** @param args what follows `explain` @returns what `--help` would print, if it was asked for @throws DamselflyError USAGE */
export function readExplainCommand(args: readonly string[]): ExplainJob | { readonly printed: string } {
  const command = new Command('dfget explain')
    .description('Says why the pieces of a task came from where they came, and what they waited for.')
    .argument('<task>', 'id of the task, or its URL')
    .option('--piece <n>', 'only this piece, by its index from 0')
    .option('--peer <id>', 'only what this child got: its PeerId, or the end of it')
  addManagementOptions(command).addHelpText('after', NOTES.trimEnd())
  const printed = parseCommandLine(command, args)
  if (printed !== undefined) return { printed }
  const options = command.opts<GivenOptions>()
  const { piece, peer } = options
  return {
    task: command.args[0] as string,
    piece: piece === undefined ? undefined : indexOf(piece),
    peer,
    ...managementJob(options),
  }
}

function indexOf(text: string): number {
  if (/^\d{1,9}$/.test(text)) return Number(text)
  throw new DamselflyError('USAGE', `--piece '${text}': write the index of a piece, from 0 on`)
}
