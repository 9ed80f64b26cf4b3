import { DamselflyError, parseDigest, systemClock, type ByteRange, type Sha256 } from '@damselfly/shared'
import type { ManagedJob } from './access/managed.ts'
import type { ExplainJob } from './explain/command.ts'
import { parseHeader } from './header.ts'
import type { HeldAction, HeldJob } from './held/command.ts'
import type { GivenOptions } from './option-table.ts'
import { readPlainArguments } from './plain-arguments.ts'
import { parseRange } from './range.ts'
import type { PreheatJob } from './preheat/command.ts'
import type { SettingFlags } from './settings.ts'

/** What is downloaded and how it is reported; what is only ever said on the command line. */
export interface Job {
  readonly url: string
  /** `-`: standard output; undefined: named after the URL. */
  readonly output: string | undefined
  readonly digest: Sha256 | undefined
  readonly headers: readonly (readonly [string, string])[]
  readonly range: ByteRange | undefined
  readonly json: boolean
  readonly quiet: boolean
}

export type Invocation =
  | { readonly type: 'print'; readonly text: string }
  | { readonly type: 'print-config'; readonly configFile: string | undefined; readonly flags: SettingFlags }
  | { readonly type: 'explain'; readonly job: ExplainJob }
  | { readonly type: 'preheat'; readonly job: PreheatJob }
  | { readonly type: 'held'; readonly job: HeldJob }
  | { readonly type: 'managed'; readonly job: ManagedJob }
  | { readonly type: 'download'; readonly job: Job; readonly configFile: string | undefined; readonly flags: SettingFlags }

/** Here too, since a download loads nothing that it does not need. */
const HELD: readonly HeldAction[] = ['list', 'pin', 'unpin', 'evict']

/** @throws DamselflyError USAGE */
export async function parseArguments(args: readonly string[], version: string): Promise<Invocation> {
  if (args[0] === 'explain') return explainInvocation(args.slice(1))
  if (args[0] === 'preheat') return preheatInvocation(args.slice(1))
  if (args[0] === 'token') return tokenInvocation(args.slice(1))
  if (args[0] === 'audit') return auditInvocation(args.slice(1))
  if (args[0] === 'peer') return peerInvocation(args.slice(1))
  const action = HELD.find((name) => name === args[0])
  if (action !== undefined) return heldInvocation(action, args.slice(1))
  const given = readPlainArguments(args) ?? (await import('./command.ts')).readCommandLine(args, version)
  return 'printed' in given ? { type: 'print', text: given.printed } : invocationOf(given.url, given.options)
}

async function explainInvocation(args: readonly string[]): Promise<Invocation> {
  const { readExplainCommand } = await import('./explain/command.ts')
  const given = readExplainCommand(args)
  return 'printed' in given ? { type: 'print', text: given.printed } : { type: 'explain', job: given }
}

async function preheatInvocation(args: readonly string[]): Promise<Invocation> {
  const { readPreheatCommand } = await import('./preheat/command.ts')
  const given = readPreheatCommand(args)
  return 'printed' in given ? { type: 'print', text: given.printed } : { type: 'preheat', job: given }
}

async function tokenInvocation(args: readonly string[]): Promise<Invocation> {
  const { readTokenCommand } = await import('./access/token-command.ts')
  const given = readTokenCommand(args, systemClock)
  return 'printed' in given ? { type: 'print', text: given.printed } : { type: 'managed', job: given }
}

async function auditInvocation(args: readonly string[]): Promise<Invocation> {
  const { readAuditCommand } = await import('./access/audit-command.ts')
  const given = readAuditCommand(args, systemClock)
  return 'printed' in given ? { type: 'print', text: given.printed } : { type: 'managed', job: given }
}

async function peerInvocation(args: readonly string[]): Promise<Invocation> {
  const { readPeerCommand } = await import('./admission/peer-command.ts')
  const given = readPeerCommand(args)
  return 'printed' in given ? { type: 'print', text: given.printed } : { type: 'managed', job: given }
}

async function heldInvocation(action: HeldAction, args: readonly string[]): Promise<Invocation> {
  const { readHeldCommand } = await import('./held/command.ts')
  const given = readHeldCommand(action, args)
  return 'printed' in given ? { type: 'print', text: given.printed } : { type: 'held', job: given }
}

function invocationOf(url: string | undefined, options: GivenOptions): Invocation {
  const common = { configFile: options.config, flags: flagsOf(options) }
  if (options.printConfig === true) return { type: 'print-config', ...common }
  if (url === undefined) throw new DamselflyError('USAGE', 'no URL is given')
  return { type: 'download', job: jobOf(url, options), ...common }
}

function jobOf(url: string, { output, digest, header, range, json, quiet }: GivenOptions): Job {
  return {
    url,
    output,
    digest: digest === undefined ? undefined : digestOf(digest),
    headers: (header ?? []).map(parseHeader),
    range: range === undefined ? undefined : parseRange(range),
    json: json === true,
    quiet: quiet === true,
  }
}

function digestOf(text: string): Sha256 {
  const digest = parseDigest(text)
  if (digest !== undefined) return digest
  throw new DamselflyError('USAGE', `--digest '${text}': write sha256: and 64 hexadecimal characters`)
}

/** Negated flags count only when given, so that they do not hide the configuration. */
function flagsOf(options: GivenOptions): SettingFlags {
  const { supernode, socket, dataDir, tag, application, filter, timeout, limitRate, limitUpload, background } = options
  const whenNegated = (value: boolean): false | undefined => (value ? undefined : false)
  return {
    supernodes: supernode,
    joinTokenFile: options.joinTokenFile,
    socket,
    dataDir,
    tag,
    application,
    filter: filter?.split(',').filter((name) => name !== ''),
    timeout,
    limitRate,
    limitUpload,
    background,
    daemon: whenNegated(options.daemon && supernode === undefined),
    backToSource: whenNegated(options.backToSource),
    progress: whenNegated(options.progress),
  }
}
