import { DamselflyError, type Clock } from '@damselfly/shared'
import { parseCommandLine } from '@damselfly/shared/command-line'
import { parseDuration } from '@damselfly/shared/config'
import { Command } from 'commander'
import { addManagementOptions, managementJob, type ManagementOptions } from '../management/options.ts'
import type { ManagedJob } from './managed.ts'
import { createToken, listTokens, revokeToken, showCaller } from './tokens.ts'

interface GivenOptions extends ManagementOptions {
  readonly role: string
  readonly scope?: string
  readonly expires?: string
  readonly uses?: string
}

const NOTES = `
A token is shown once; the supernode keeps its hash alone. Roles: viewer reads, operator changes too, admin manages access,
peer makes a join token, which lets peers into the network. Scopes confine it: contents, preheats, peers, rules, metrics, access.

  dfget token create prometheus --role viewer --scope metrics --expires never
  dfget token create rack-7 --role peer --uses 40 --expires 1d
  dfget token revoke 5f0c63b1a2de
`

/** @param args what follows `token` @returns what `--help` would print, if it was asked for @throws DamselflyError USAGE */
export function readTokenCommand(args: readonly string[], clock: Clock): ManagedJob | { readonly printed: string } {
  const jobs: ManagedJob[] = []
  const command = new Command('dfget token').description("Makes, lists and revokes tokens for a supernode's management API.").addHelpText('after', NOTES.trimEnd())
  const create = command.command('create').description('makes a token and shows it').argument('<name>', 'whom or what it is for')
  create
    .requiredOption('--role <role>', 'viewer, operator, admin or peer')
    .option('--scope <names>', 'confine it to these parts of the API, by comma')
    .option('--expires <duration>', 'how long it counts, such as 30d, or never (default: 90d)')
    .option('--uses <number>', 'with the role peer: how many peers it lets in (default: any number)')
    .action((name: string, given: GivenOptions) => {
      const body = { name, role: given.role, ...(given.uses === undefined ? {} : { uses: countOf(given.uses) }), scopes: given.scope?.split(','), expiresAt: expiryOf(given.expires, clock) }
      jobs.push(jobOf(given, (json) => async (client, write) => createToken(client, body, json, write)))
    })
  const list = command.command('list').description('shows the tokens that count')
  list.action((given: GivenOptions) => void jobs.push(jobOf(given, (json) => async (client, write) => listTokens(client, json, write))))
  const revoke = command.command('revoke').description('revokes tokens, at once').argument('<ids...>', 'ids of tokens')
  revoke.action((ids: string[], given: GivenOptions) => void jobs.push(jobOf(given, (json) => async (client, write) => revokeToken(client, ids, json, write))))
  const whoami = command.command('whoami').description('shows whose token is used, and what it may do')
  whoami.action((given: GivenOptions) => void jobs.push(jobOf(given, (json) => async (client, write) => showCaller(client, json, write))))
  for (const each of [create, list, revoke, whoami]) addManagementOptions(each)
  const printed = parseCommandLine(command, args)
  if (printed !== undefined) return { printed }
  const [job] = jobs
  if (job === undefined) throw new DamselflyError('USAGE', 'say create, list, revoke or whoami')
  return job
}

function jobOf(given: GivenOptions, act: (json: boolean) => ManagedJob['act']): ManagedJob {
  const job = managementJob(given)
  return { ...job, act: act(job.json) }
}

/** @returns null: never; undefined: as the supernode likes */
function expiryOf(text: string | undefined, clock: Clock): string | null | undefined {
  if (text === undefined) return undefined
  if (text === 'never') return null
  const lifetime = parseDuration(text)
  if (lifetime === undefined || lifetime === 0) throw new DamselflyError('USAGE', `--expires '${text}': write a duration such as 30d, or never`)
  return new Date(clock.wallTime() + lifetime).toISOString()
}

function countOf(text: string): number {
  if (!/^[1-9]\d{0,6}$/.test(text)) throw new DamselflyError('USAGE', `--uses '${text}': write a number from 1 on`)
  return Number(text)
}
