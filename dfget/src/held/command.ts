import { parseCommandLine } from '@damselfly/shared/command-line'
import { Command } from 'commander'

/** What people do with what the daemon of this host holds. */
export const HELD_ACTIONS = ['list', 'pin', 'unpin', 'evict'] as const

export type HeldAction = (typeof HELD_ACTIONS)[number]

/** What `dfget list`, `pin`, `unpin` or `evict` is asked. */
export interface HeldJob {
  readonly action: HeldAction
  /** Ids of tasks, or beginnings of them; with `list` none means all. */
  readonly tasks: readonly string[]
  readonly json: boolean
  readonly configFile: string | undefined
  readonly socket: string | undefined
}

interface GivenOptions {
  readonly json?: true
  readonly config?: string
  readonly socket?: string
}

const DESCRIPTIONS: Readonly<Record<HeldAction, string>> = {
  list: 'Shows what the dfdaemon of this host holds, what was used last first.',
  pin: 'Keeps contents in the dfdaemon of this host until they are unpinned, however full the disk is; also their next versions.',
  unpin: 'Lets contents of the dfdaemon of this host go again when room is needed.',
  evict: 'Deletes contents from the dfdaemon of this host, unless they are in use or pinned.',
}

/** @param args what follows the action @returns what `--help` would print, if it was asked for @throws DamselflyError USAGE */
export function readHeldCommand(action: HeldAction, args: readonly string[]): HeldJob | { readonly printed: string } {
  const command = new Command(`dfget ${action}`)
    .description(DESCRIPTIONS[action])
    .argument(action === 'list' ? '[task...]' : '<task...>', 'id of a task, or the beginning of one that no other has')
    .option('--socket <file>', "dfdaemon's unix socket (default: the user's own daemon, then the system's)")
    .option('--json', 'one JSON object per line')
    .option('--config <file>', 'configuration of dfget in YAML')
  const printed = parseCommandLine(command, args)
  if (printed !== undefined) return { printed }
  const { json, config, socket } = command.opts<GivenOptions>()
  return { action, tasks: command.args, json: json === true, configFile: config, socket }
}
