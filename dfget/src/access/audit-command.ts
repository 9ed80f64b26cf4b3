import { DamselflyError, type Clock } from '@damselfly/shared'
import { parseCommandLine } from '@damselfly/shared/command-line'
import { parseDuration } from '@damselfly/shared/config'
import { Command } from 'commander'
import { addManagementOptions, managementJob, type ManagementOptions } from '../management/options.ts'
import { showAudit } from './audit.ts'
import type { ManagedJob } from './managed.ts'

interface GivenOptions extends ManagementOptions {
  readonly refusals?: true
  readonly failed?: true
  readonly who?: string
  readonly address?: string
  readonly action?: string
  readonly target?: string
  readonly since?: string
  readonly until?: string
  readonly limit: string
}

const MOST_LIMIT = 100_000

const NOTES = `
The newest comes last. It takes a token of the role admin.

  dfget audit --since 1d --failed
  dfget audit --action tokens --json
  dfget audit --refusals --since 1h
`

/** @param args what follows `audit` @returns what `--help` would print, if it was asked for @throws DamselflyError USAGE */
export function readAuditCommand(args: readonly string[], clock: Clock): ManagedJob | { readonly printed: string } {
  const command = new Command('dfget audit')
    .description("Shows who changed, or tried to change, what through a supernode's management API.")
    .addHelpText('after', NOTES.trimEnd())
    .option('--refusals', 'what was refused to callers whom nobody knows, instead')
    .option('--failed', 'only what was refused or failed')
    .option('--who <text>', "a part of the caller's name")
    .option('--address <address>', 'where it came from')
    .option('--action <text>', 'a part of the method and route, such as tokens or DELETE')
    .option('--target <id>', 'the id that was asked for')
    .option('--since <when>', 'from then on: an ISO time, or how long ago, such as 2h')
    .option('--until <when>', 'until then')
    .option('--limit <number>', 'the newest so many', '100')
  addManagementOptions(command)
  const printed = parseCommandLine(command, args)
  if (printed !== undefined) return { printed }
  const given = command.opts<GivenOptions>()
  const job = managementJob(given)
  const limit = Number(given.limit)
  if (!Number.isInteger(limit) || limit < 1 || limit > MOST_LIMIT) throw new DamselflyError('USAGE', `--limit '${given.limit}': write a number from 1 to ${MOST_LIMIT}`)
  const query = {
    who: given.who,
    address: given.address,
    action: given.action,
    target: given.target,
    failed: given.failed === true ? 'true' : undefined,
    since: momentOf('--since', given.since, clock),
    until: momentOf('--until', given.until, clock),
  }
  const path = given.refusals === true ? '/api/v1/audit/refusals' : '/api/v1/audit'
  return { ...job, act: async (client, write) => showAudit(client, { path, query, limit, json: job.json }, write) }
}

/** @returns ISO 8601 */
function momentOf(option: string, text: string | undefined, clock: Clock): string | undefined {
  if (text === undefined) return undefined
  const ago = parseDuration(text)
  const moment = ago === undefined ? Date.parse(text) : clock.wallTime() - ago
  if (Number.isNaN(moment)) throw new DamselflyError('USAGE', `${option} '${text}': write a time such as 2026-01-31T12:00:00Z, or a duration such as 2h`)
  return new Date(moment).toISOString()
}
