import { parseCommandLine } from '@damselfly/shared/command-line'
import { Command } from 'commander'

/** What `dfdaemon doctor` is asked. */
export interface DoctorJob {
  readonly configFile: string | undefined
  /** Pulled in part; undefined: none. */
  readonly image: string | undefined
  readonly json: boolean
}

interface GivenOptions {
  readonly config?: string
  readonly image?: string
  readonly json?: true
}

/** @param args what follows `doctor` @returns what `--help` would print, if it was asked for @throws DamselflyError USAGE */
export function readDoctorCommand(args: readonly string[]): DoctorJob | { readonly printed: string } {
  const command = new Command('dfdaemon doctor')
    .description('Tests the way of a pull on this machine, from the configuration to the registry, and says what is wrong and what to do.')
    .option('--image <name>', 'also pull what is small of this image through the mirror')
    .option('--json', 'report as JSON')
    .option('--config <file>', "the daemon's configuration")
    .addHelpText('after', '\nExit codes: 0 when nothing failed, 1 otherwise. A warning tells of pulls that work, but not as they could.')
  const printed = parseCommandLine(command, args)
  if (printed !== undefined) return { printed }
  const { config, image, json } = command.opts<GivenOptions>()
  return { configFile: config, image, json: json === true }
}
