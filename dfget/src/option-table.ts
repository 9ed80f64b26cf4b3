/** One option as `--help` shows it. */
export interface Option {
  /** `-s, --name <value>`; without a value it is a switch, and `--no-name` is a switch that is on unless given. */
  readonly flags: string
  readonly help: string
  /** Whether it may be given several times, each with a value of its own. */
  readonly repeats?: true
}

export const OPTIONS: readonly Option[] = [
  { flags: '-o, --output <file>', help: 'file to write, - for standard output (default: named after the URL)' },
  { flags: '--digest <sha256:hex>', help: 'digest that the content must have' },
  { flags: '-H, --header <name: value>', help: 'request header for the origin; repeatable', repeats: true },
  { flags: '--tag <text>', help: 'keeps contents of equal URLs apart' },
  { flags: '--application <text>', help: 'likewise, by application' },
  { flags: '--filter <names>', help: 'query parameters that do not change the content, by comma' },
  { flags: '--range <start-end>', help: 'only these bytes, both ends inclusive; START- for the rest' },
  { flags: '--timeout <duration>', help: 'give up after this time, such as 30s' },
  { flags: '--limit-rate <rate>', help: 'download at most this fast, such as 10MB' },
  { flags: '--limit-upload <rate>', help: 'send at most this fast to other peers, without dfdaemon' },
  { flags: '--background', help: 'yield to other downloads wherever a rate is limited' },
  { flags: '--supernode <[peerid@]host:port>', help: 'supernode to use instead of dfdaemon; repeatable', repeats: true },
  { flags: '--join-token-file <file>', help: 'file with the token by which it joins, without dfdaemon' },
  { flags: '--no-back-to-source', help: 'never use the origin itself' },
  { flags: '--json', help: 'report as lines of JSON on standard output, or on standard error with -o -' },
  { flags: '-q, --quiet', help: 'report nothing but errors' },
  { flags: '--no-progress', help: 'no progress bar' },
  { flags: '--socket <path>', help: "dfdaemon's unix socket; it must answer" },
  { flags: '--no-daemon', help: 'do without dfdaemon even when it runs' },
  { flags: '--data-dir <directory>', help: 'where unfinished downloads are kept without dfdaemon' },
  { flags: '--config <file>', help: 'configuration in YAML' },
  { flags: '--print-config', help: 'show the configuration in force, then end' },
]

/** What the options say, by their names in camel case. */
export interface GivenOptions {
  readonly output?: string
  readonly digest?: string
  readonly header?: readonly string[]
  readonly tag?: string
  readonly application?: string
  readonly filter?: string
  readonly range?: string
  readonly timeout?: string
  readonly limitRate?: string
  readonly limitUpload?: string
  readonly background?: true
  readonly supernode?: readonly string[]
  readonly joinTokenFile?: string
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

/** A command line that makes sense as far as its options are known and have their values. */
export interface GivenArguments {
  readonly url: string | undefined
  readonly options: GivenOptions
}
