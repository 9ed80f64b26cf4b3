import { join, resolve } from 'node:path'
import { DamselflyError, systemClock } from '@damselfly/shared'
import { printConfig } from '@damselfly/shared/config'
import { createLogger } from '@damselfly/shared/logging'
import { createRegistry } from '@damselfly/shared/metrics'
import { socketEnvironment } from './api/socket-path.ts'
import { configWarnings } from './config/config-warnings.ts'
import { daemonConfigSchema, type DaemonConfig } from './config/config.ts'
import type { Environment } from './config/directories.ts'
import { Daemon } from './daemon.ts'
import { AUTHORITY_FILE, loadAuthority } from './proxy/authority-file.ts'
import { packageVersion } from './version.ts'
import { readConfiguration } from './cli/configuration.ts'
import { parseArguments } from './cli/options.ts'
import { StopSignals } from './cli/stop-signals.ts'
import type { Surroundings } from './cli/surroundings.ts'

export interface ProgramInput {
  readonly args: readonly string[]
  readonly env: Environment
  /** Standard output. */
  readonly print: (text: string) => void
}

/**
 * Runs the daemon until a signal stops it.
 *
 * @returns the exit code
 * @throws DamselflyError USAGE, CONFIG_INVALID, STORE_LOCKED, ADDRESS_IN_USE, DISK_DENIED
 */
export async function runDaemon({ args, env, print }: ProgramInput): Promise<number> {
  const version = packageVersion()
  const invocation = parseArguments(args, version)
  if (invocation.type === 'print') {
    print(invocation.text)
    return 0
  }
  const { isRoot } = socketEnvironment(env)
  if (invocation.type === 'setup') return await setUp(invocation.args, { env, isRoot, print })
  if (invocation.type === 'doctor') return await examine(invocation.args, { env, isRoot, print })
  const config = await readConfiguration({ ...invocation, env, isRoot })
  if (invocation.type === 'print-config') print(printConfig(daemonConfigSchema, config))
  else if (invocation.type === 'export-ca') print(await exportedAuthority(config))
  else await serve(config, version, env, print)
  return 0
}

/** Loaded when it is asked for: a daemon that serves needs none of it. */
async function setUp(args: readonly string[], surroundings: Surroundings): Promise<number> {
  const [{ readSetupCommand }, { runSetup }] = await Promise.all([import('./setup/command.ts'), import('./setup/run-setup.ts')])
  const job = readSetupCommand(args)
  if ('printed' in job) surroundings.print(job.printed)
  else await runSetup(job, surroundings)
  return 0
}

/** @returns 1 where something failed */
async function examine(args: readonly string[], surroundings: Surroundings): Promise<number> {
  const [{ readDoctorCommand }, { runDoctor }] = await Promise.all([import('./doctor/command.ts'), import('./doctor/run-doctor.ts')])
  const job = readDoctorCommand(args)
  if (!('printed' in job)) return (await runDoctor(job, surroundings)) ? 0 : 1
  surroundings.print(job.printed)
  return 0
}

async function exportedAuthority({ dataDir, proxy }: DaemonConfig): Promise<string> {
  const hosts = [...proxy.registries, ...proxy.intercept]
  if (hosts.length === 0) throw new DamselflyError('CONFIG_INVALID', 'proxy.registries, proxy.intercept: expected a host for which there is to be a CA')
  return (await loadAuthority(join(resolve(dataDir), AUTHORITY_FILE), hosts, systemClock)).certificate.trimEnd() + '\n'
}

async function serve(config: DaemonConfig, version: string, env: Environment, print: (text: string) => void): Promise<void> {
  const signals = new StopSignals(process)
  const logger = createLogger('dfdaemon', config.log.level)
  for (const warning of configWarnings(config)) logger.warn(warning)
  try {
    const daemon = new Daemon({
      config,
      socketEnvironment: socketEnvironment(env),
      version,
      registry: createRegistry(),
      clock: systemClock,
      logger,
    })
    const ready = await daemon.start()
    print(`${JSON.stringify({ ready: { ...ready, version, pid: process.pid } })}\n`)
    logger.info({ ...ready, version }, 'ready')
    const signal = await signals.first
    logger.info({ signal }, 'stopping')
    await Promise.race([daemon.stop(), signals.second])
    logger.info('stopped')
  } finally {
    signals.close()
  }
}
