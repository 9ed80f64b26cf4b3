import { DamselflyError } from '@damselfly/shared'
import { parseCommandLine } from '@damselfly/shared/command-line'
import { Command } from 'commander'
import type { ManagedJob } from '../access/managed.ts'
import { addManagementOptions, managementJob, type ManagementOptions } from '../management/options.ts'
import { decide, listPeers } from './peers.ts'

interface GivenOptions extends ManagementOptions {
  readonly note?: string
}

const NOTES = `
A peer that is revoked loses its channel, its lanes and its tickets at once, and comes back only when it is admitted again.
Join tokens, by which peers come in on their own, are made by dfget token create NAME --role peer.

  dfget peer revoke 12D3KooWGZWFYZEzbiHUgRbDVqcPpvYmdEhRxmtHShXTwFcTRgXU --note 'stolen laptop'
`

/** @param args what follows `peer` @returns what `--help` would print, if it was asked for @throws DamselflyError USAGE */
export function readPeerCommand(args: readonly string[]): ManagedJob | { readonly printed: string } {
  const jobs: ManagedJob[] = []
  const command = new Command('dfget peer').description("Says which peers may be in a supernode's network.").addHelpText('after', NOTES.trimEnd())
  const list = command.command('list').description('shows which peers may join, and what was decided of which')
  list.action((given: GivenOptions) => void jobs.push(jobOf(given, (json) => async (client, write) => listPeers(client, json, write))))
  const verbs = [
    { verb: 'admit', does: 'lets peers join, also some that were revoked' },
    { verb: 'revoke', does: 'puts peers out of the network, at once' },
  ] as const
  for (const { verb, does } of verbs) {
    const sub = command.command(verb).description(does).argument('<ids...>', 'PeerIds').option('--note <text>', 'why, or whose peer it is')
    sub.action((ids: string[], given: GivenOptions) => {
      jobs.push(jobOf(given, (json) => async (client, write) => decide(client, verb, ids, given.note ?? '', json, write)))
    })
    addManagementOptions(sub)
  }
  addManagementOptions(list)
  const printed = parseCommandLine(command, args)
  if (printed !== undefined) return { printed }
  const [job] = jobs
  if (job === undefined) throw new DamselflyError('USAGE', 'say list, admit or revoke')
  return job
}

function jobOf(given: GivenOptions, act: (json: boolean) => ManagedJob['act']): ManagedJob {
  const job = managementJob(given)
  return { ...job, act: act(job.json) }
}
