import { ANY_PORTS } from '@damselfly/exchange'
import { ERROR_CODES } from '@damselfly/shared'
import { collect, parseCommandLine } from '@damselfly/shared/command-line'
import { Command } from 'commander'

/** What the command line asks for. */
export type Invocation =
  | { readonly type: 'print'; readonly text: string }
  | { readonly type: 'setup'; readonly args: readonly string[] }
  | { readonly type: 'doctor'; readonly args: readonly string[] }
  | {
      readonly type: 'run' | 'print-config' | 'export-ca'
      readonly configFile: string | undefined
      /** In the shape of the configuration. */
      readonly flags: Readonly<Record<string, unknown>>
    }

interface Options {
  readonly config?: string
  readonly printConfig?: true
  readonly supernode?: string[]
  readonly dataDir?: string
  readonly socket?: string
  readonly listen?: string[]
  readonly logLevel?: string
  readonly joinTokenFile?: string
  readonly anyPort?: true
}

const ANY_PORT = { port: 0 }

/** @throws DamselflyError USAGE */
export function parseArguments(args: readonly string[], version: string): Invocation {
  const [first, ...rest] = args
  if (first === 'setup' || first === 'doctor') return { type: first, args: rest }
  let chosen: 'run' | 'export-ca' = 'run'
  const command = createCommand(version, (choice) => (chosen = choice))
  const printed = parseCommandLine(command, args)
  if (printed !== undefined) return { type: 'print', text: printed }
  const { config, printConfig, supernode, dataDir, socket, listen, anyPort, logLevel, joinTokenFile } = command.opts<Options>()
  const flags = {
    supernodes: supernode,
    joinTokenFile,
    dataDir,
    api: { socket },
    listen: { addresses: listen, ...(anyPort && ANY_PORTS) },
    ...(anyPort && { mirror: ANY_PORT, proxy: ANY_PORT }),
    log: { level: logLevel },
  }
  return { type: printConfig === true ? 'print-config' : chosen, configFile: config, flags }
}

const COMMANDS = `
Commands, each with its own --help:
  dfdaemon setup <tool>  makes a container tool pull through the mirror
  dfdaemon doctor        tests the way of a pull and says what is wrong
  dfdaemon ca export     prints the CA of the forward proxy, for clients to trust`

function createCommand(version: string, choose: (choice: 'run' | 'export-ca') => void): Command {
  const command = new Command('dfdaemon')
    .description('The peer on this host: downloads through other peers and serves what it has.')
    .version(version, '--version')
    .option('--config <file>', 'configuration in YAML')
    .option('--print-config', 'show the configuration in force, then end')
    .option('--supernode <[peerid@]host:port>', 'supernode to use; repeatable', collect)
    .option('--join-token-file <file>', 'file with the token by which this peer joins')
    .option('--data-dir <directory>', 'where identity and content are kept')
    .option('--socket <path>', 'unix socket of the local API')
    .option('--listen <address>', 'address to serve other peers on; repeatable', collect)
    .option('--any-port', 'listen on ports that are free, for one daemon more on a host')
    .option('--log-level <level>', 'least severe kind of line that is logged')
    .addHelpText('after', COMMANDS)
    .addHelpText('after', `\nExit codes:\n${exitCodes()}`)
    .action(() => choose('run'))
  command
    .command('ca', { hidden: true })
    .description('the CA of the forward proxy')
    .command('export')
    .description('print its certificate in PEM, for clients to trust; made on first use')
    .action(() => choose('export-ca'))
  return command
}

function exitCodes(): string {
  const used = ['INTERNAL', 'CONFIG_INVALID', 'USAGE', 'DISK_DENIED', 'STORE_LOCKED', 'ADDRESS_IN_USE'] as const
  return used.map((code) => `  ${String(ERROR_CODES[code].exit).padStart(3)}  ${code}: ${ERROR_CODES[code].meaning}`).join('\n')
}
