import { collect, parseCommandLine } from '@damselfly/shared/command-line'
import { Command } from 'commander'
import { exitCodesHelp } from './exit-codes.ts'
import { OPTIONS, type GivenArguments, type GivenOptions } from './option-table.ts'

const EXPLAIN_HELP = `dfget explain <task> says why each piece came from where it came: dfget explain --help
dfget preheat <url> brings a content to where it will be wanted: dfget preheat --help
dfget list, pin, unpin and evict look after what dfdaemon holds here: dfget list --help
dfget token makes and revokes tokens for a supernode's management API: dfget token --help
dfget audit shows who changed what through that API: dfget audit --help
dfget peer admits and revokes peers: dfget peer --help`

/**
 * Reads any command line, and says what is wrong with it.
 *
 * @returns what `--help` or `--version` would print, if one of them was asked for
 * @throws DamselflyError USAGE
 */
export function readCommandLine(args: readonly string[], version: string): GivenArguments | { readonly printed: string } {
  const command = createCommand(version)
  const printed = parseCommandLine(command, args)
  if (printed !== undefined) return { printed }
  return { url: command.args[0], options: command.opts<GivenOptions>() }
}

function createCommand(version: string): Command {
  const command = new Command('dfget')
    .description('Downloads a file through peers, each byte verified. Run it again and it continues where it stopped.')
    .argument('[url]', 'URL: http(s)://, or what a supernode fetches: s3://, oci://, file://')
    .version(version, '--version')
    .addHelpText('after', `\n${EXPLAIN_HELP}\n\n${exitCodesHelp()}`)
  for (const { flags, help, repeats } of OPTIONS) {
    if (repeats === true) command.option(flags, help, collect)
    else command.option(flags, help)
  }
  return command
}
