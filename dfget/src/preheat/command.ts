import { DamselflyError } from '@damselfly/shared'
import { collect, parseCommandLine } from '@damselfly/shared/command-line'
import { Command } from 'commander'
import { parseHeader } from '../header.ts'
import { addManagementOptions, managementJob, type ManagementJob, type ManagementOptions } from '../management/options.ts'

/** What `dfget preheat` is asked. */
export interface PreheatJob extends ManagementJob {
  readonly ask:
    | { readonly type: 'begin'; readonly body: Readonly<Record<string, unknown>>; readonly isDetached: boolean }
    | { readonly type: 'follow' | 'cancel'; readonly id: string }
}

interface GivenOptions extends ManagementOptions {
  readonly peers?: string
  readonly all?: true
  readonly location?: string
  readonly list?: true
  readonly platform?: string[]
  readonly digest?: string
  readonly header?: string[]
  readonly tag?: string
  readonly application?: string
  readonly filter?: string
  readonly key?: string
  readonly detach?: true
  readonly follow?: string
  readonly cancel?: string
}

const NOTES = `
Asks the supernode's management API, so it needs a token: run it where the supernode runs, as the same user or as root, or say where
the API is and give it a token of an operator (dfget token create). The preheat goes on when dfget is interrupted.

  dfget preheat https://files.example/big.iso --peers 3
  dfget preheat --list oci://registry.example/team/app:1.2 --all --location paris
`

/** @param args what follows `preheat` @returns what `--help` would print, if it was asked for @throws DamselflyError USAGE */
export function readPreheatCommand(args: readonly string[]): PreheatJob | { readonly printed: string } {
  const command = new Command('dfget preheat')
    .description('Brings contents to the supernode, and to peers, before anybody wants them.')
    .argument('[urls...]', 'what is to be there')
    .option('--peers <n>', 'on so many peers (default: at the supernode alone)')
    .option('--all', 'on all peers that are connected now')
    .option('--location <name>', 'only peers there')
    .option('--list', 'the URL is a directory, a prefix or an image: all that it leads to')
    .option('--platform <os/arch>', 'of an image only this platform; repeatable', collect)
    .option('--digest <sha256:hex>', 'digest that the content must have')
    .option('-H, --header <name: value>', 'request header for the origin; repeatable', collect)
    .option('--tag <text>', 'keeps contents of equal URLs apart')
    .option('--application <text>', 'likewise, by application')
    .option('--filter <names>', 'query parameters that do not change the content, by comma')
    .option('--key <text>', 'of your choice: asking twice with the same one makes one preheat')
    .option('--detach', 'print the id and do not wait')
    .option('--follow <id>', 'wait for a preheat that was asked for before')
    .option('--cancel <id>', 'end a preheat; what is there stays')
  addManagementOptions(command).addHelpText('after', NOTES.trimEnd())
  const printed = parseCommandLine(command, args)
  if (printed !== undefined) return { printed }
  const options = command.opts<GivenOptions>()
  return { ask: askOf(command.args, options), ...managementJob(options) }
}

function askOf(urls: readonly string[], options: GivenOptions): PreheatJob['ask'] {
  const id = options.follow ?? options.cancel
  if (id !== undefined) {
    if (urls.length > 0) throw new DamselflyError('USAGE', 'a preheat is begun by URLs, or followed or cancelled by its id')
    return { type: options.cancel === undefined ? 'follow' : 'cancel', id }
  }
  if (urls.length === 0) throw new DamselflyError('USAGE', 'no URL is given')
  return { type: 'begin', body: bodyOf(urls, options), isDetached: options.detach === true }
}

function bodyOf(urls: readonly string[], options: GivenOptions): Readonly<Record<string, unknown>> {
  const { peers, all, location, list, platform, digest, header, tag, application, filter, key } = options
  if (list === true && urls.length > 1) throw new DamselflyError('USAGE', '--list takes one URL')
  const what = list === true ? { list: urls[0], platforms: platform } : { urls }
  return {
    ...what,
    peers: peers === undefined ? undefined : countOf(peers),
    scope: all === true ? 'all' : undefined,
    location,
    digest,
    headers: header?.map(parseHeader),
    tag,
    application,
    filteredQueryParams: filter?.split(','),
    key,
  }
}

function countOf(text: string): number {
  if (/^[1-9]\d{0,4}$/.test(text)) return Number(text)
  throw new DamselflyError('USAGE', `--peers '${text}': write how many peers`)
}
