import { DamselflyError, parseDigest, type ByteRange, type Sha256 } from '@damselfly/shared'
import { parseCommandLine } from '@damselfly/shared/command-line'
import { Command } from 'commander'
import { parseHeader } from './header.ts'
import { exitCodesHelp } from './exit-codes.ts'
import { parseRange } from './range.ts'
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
  | { readonly type: 'download'; readonly job: Job; readonly configFile: string | undefined; readonly flags: SettingFlags }

interface Options {
  readonly output?: string
  readonly digest?: string
  readonly header?: string[]
  readonly tag?: string
  readonly application?: string
  readonly filter?: string
  readonly range?: string
  readonly timeout?: string
  readonly limitRate?: string
  readonly supernode?: string[]
  readonly backToSource: boolean
  readonly progress: boolean
  readonly daemon: boolean
  readonly json?: true
  readonly quiet?: true
  readonly socket?: string
  readonly dataDir?: string
  readonly config?: string
  readonly printConfig?: true
}

/** @throws DamselflyError USAGE */
export function parseArguments(args: readonly string[], version: string): Invocation {
  const command = createCommand(version)
  const printed = parseCommandLine(command, args)
  if (printed !== undefined) return { type: 'print', text: printed }
  return invocationOf(command.args[0], command.opts<Options>())
}

function invocationOf(url: string | undefined, options: Options): Invocation {
  const common = { configFile: options.config, flags: flagsOf(options) }
  if (options.printConfig === true) return { type: 'print-config', ...common }
  if (url === undefined) throw new DamselflyError('USAGE', 'no URL is given')
  return { type: 'download', job: jobOf(url, options), ...common }
}

function jobOf(url: string, { output, digest, header, range, json, quiet }: Options): Job {
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
function flagsOf(options: Options): SettingFlags {
  const { supernode, socket, dataDir, tag, application, filter, timeout, limitRate } = options
  const whenNegated = (value: boolean): false | undefined => (value ? undefined : false)
  return {
    supernodes: supernode,
    socket,
    dataDir,
    tag,
    application,
    filter: filter?.split(',').filter((name) => name !== ''),
    timeout,
    limitRate,
    daemon: whenNegated(options.daemon && supernode === undefined),
    backToSource: whenNegated(options.backToSource),
    progress: whenNegated(options.progress),
  }
}

function createCommand(version: string): Command {
  return new Command('dfget')
    .description('Downloads a file through peers, each byte verified. Run it again and it continues where it stopped.')
    .argument('[url]', 'http:// or https:// URL')
    .version(version, '--version')
    .option('-o, --output <file>', 'file to write, - for standard output (default: named after the URL)')
    .option('--digest <sha256:hex>', 'digest that the content must have')
    .option('-H, --header <name: value>', 'request header for the origin; repeatable', collect)
    .option('--tag <text>', 'keeps contents of equal URLs apart')
    .option('--application <text>', 'likewise, by application')
    .option('--filter <names>', 'query parameters that do not change the content, by comma')
    .option('--range <start-end>', 'only these bytes, both ends inclusive; START- for the rest')
    .option('--timeout <duration>', 'give up after this time, such as 30s')
    .option('--limit-rate <rate>', 'download at most this fast, such as 10MB')
    .option('--supernode <[peerid@]host:port>', 'supernode to use instead of dfdaemon; repeatable', collect)
    .option('--no-back-to-source', 'never use the origin itself')
    .option('--json', 'report as lines of JSON on standard output, or on standard error with -o -')
    .option('-q, --quiet', 'report nothing but errors')
    .option('--no-progress', 'no progress bar')
    .option('--socket <path>', "dfdaemon's unix socket; it must answer")
    .option('--no-daemon', 'do without dfdaemon even when it runs')
    .option('--data-dir <directory>', 'where unfinished downloads are kept without dfdaemon')
    .option('--config <file>', 'configuration in YAML')
    .option('--print-config', 'show the configuration in force, then end')
    .addHelpText('after', `\n${exitCodesHelp()}`)
}

function collect(value: string, earlier: string[] | undefined): string[] {
  return [...(earlier ?? []), value]
}
