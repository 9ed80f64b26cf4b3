import { writeSync } from 'node:fs'
import { dirname, resolve } from 'node:path'
import { Command } from 'commander'
import { ANY_PORTS } from '@damselfly/exchange'
import { EXIT } from '@damselfly/shared'
import { configFileVariable, loadConfig, printConfig, readConfigFile, type ConfigFile } from '@damselfly/shared/config'
import { collect, parseCommandLine } from '@damselfly/shared/command-line'
import { createLogger } from '@damselfly/shared/logging'
import type { PolicySet } from '@damselfly/scheduler'
import { completeConfig, supernodeConfigSchema, type SupernodeConfig } from './config/config.ts'
import { dataDirectory } from './config/data-directory.ts'
import { createSupernode } from './supernode.ts'
import { readVersion } from './version.ts'

/** How long pieces that are being sent may take after a signal; milliseconds. */
const STOP_GRACE_MS = 5000

interface Flags {
  readonly config?: string
  readonly printConfig?: boolean
  readonly listen?: string[]
  readonly anyPort?: true
  readonly dataDir?: string
}

/** Does what the command line asks for, until a signal stops it. @throws DamselflyError */
export async function runSupernode(): Promise<void> {
  const command = createCommand()
  const printed = parseCommandLine(command, process.argv.slice(2))
  if (printed !== undefined) return void writeSync(1, printed)
  const flags = command.opts<Flags>()
  const file = await readFile(flags)
  const config = readConfig(flags, file)
  if (flags.printConfig === true) writeSync(1, printConfig(supernodeConfigSchema, config))
  else await serve(config, directoryOf(file))
}

function createCommand(): Command {
  return new Command('supernode')
    .description('Registers peers, schedules pieces and fetches each origin once.')
    .option('--config <file>', `settings in YAML; also ${configFileVariable('supernode')}`)
    .option('--listen <address>', 'IP address to serve peers on; repeatable (default: loopback only)', collect)
    .option('--any-port', 'listen on ports that are free, for one supernode more on a host')
    .option('--data-dir <folder>', 'where identity, admin token and content are kept')
    .option('--print-config', 'print the configuration in force and exit')
    .version(readVersion(), '--version')
    .addHelpText('after', `\nExit codes: ${EXIT.ok} stopped by a signal, ${exitCodes()}`)
}

function exitCodes(): string {
  const { usage, disk, network, failure } = EXIT
  return `${failure} defect, ${usage} wrong configuration or command line, ${disk} disk, ${network} address in use`
}

async function readFile({ config: path }: Flags): Promise<ConfigFile | undefined> {
  const named = path ?? process.env[configFileVariable('supernode')]
  return named === undefined || named === '' ? undefined : readConfigFile(named)
}

function readConfig({ listen, anyPort, dataDir }: Flags, file: ConfigFile | undefined): SupernodeConfig {
  const written = loadConfig({
    schema: supernodeConfigSchema,
    program: 'supernode',
    file,
    env: process.env,
    flags: {
      ...(dataDir === undefined ? {} : { dataDir }),
      listen: { addresses: listen, ...(anyPort && ANY_PORTS) },
      ...(anyPort && { management: { port: 0 } }),
    },
  })
  return completeConfig(written, dataDirectory(process.env, process.getuid?.()))
}

/** Paths in a configuration file count from there; without one, from where the program was started. */
function directoryOf(file: ConfigFile | undefined): string {
  return resolve(file === undefined ? '.' : dirname(file.path))
}

async function readPolicies({ scheduler: { policy } }: SupernodeConfig, directory: string): Promise<PolicySet | undefined> {
  if (policy === undefined) return undefined
  const { loadPolicies } = await import('@damselfly/scheduler/plugin')
  return loadPolicies(policy, directory)
}

async function serve(config: SupernodeConfig, moduleDirectory: string): Promise<void> {
  const policies = await readPolicies(config, moduleDirectory)
  const logger = createLogger('supernode', config.log.level)
  const stopping = Promise.withResolvers<void>()
  let signals = 0
  const onSignal = (signal: NodeJS.Signals): void => {
    signals++
    if (signals > 1) process.exit(EXIT.interrupted)
    logger.info({ signal }, 'stopping; a second signal stops at once')
    stopping.resolve()
  }
  process.on('SIGTERM', onSignal)
  process.on('SIGINT', onSignal)
  const supernode = createSupernode(config, { version: readVersion(), logger, policies, moduleDirectory })
  const ready = await supernode.start()
  const { adminTokenFile, ...addresses } = ready
  const trust = addresses.managementCa === undefined ? '' : `; clients of ${addresses.management[0]} trust it by --ca-file ${addresses.managementCa.file} or --fingerprint ${addresses.managementCa.fingerprint}`
  logger.info(addresses, `ready; the admin token is in ${adminTokenFile}${trust}`)
  // For scripts: one line on standard output once everything is reachable.
  writeSync(1, `${JSON.stringify({ ready })}\n`)
  await stopping.promise
  await supernode.stop(STOP_GRACE_MS)
  process.off('SIGTERM', onSignal)
  process.off('SIGINT', onSignal)
  logger.info('stopped')
}
