import { connectDaemon, defaultDataDir, socketCandidates, socketEnvironment, type DaemonClient } from '@damselfly/dfdaemon/client'
import { DamselflyError, isDamselflyError, systemCode } from '@damselfly/shared'
import { readSettings } from '../config.ts'
import { chooseConfigFile, type Environment } from '../load-settings.ts'
import type { WriteLine } from '../progress/reporter.ts'
import type { HeldJob } from './command.ts'
import { actOnHeld } from './held.ts'

/** @throws DamselflyError DAEMON_UNREACHABLE, TASK_NOT_FOUND, TASK_BUSY, TASK_PINNED, USAGE */
export async function runHeld(job: HeldJob, env: Environment, write: WriteLine): Promise<void> {
  const flags = { socket: job.socket }
  const { socket } = await readSettings({ configFile: chooseConfigFile(job.configFile, env), flags, env })
  const daemon = socket === undefined ? await usualDaemon(env) : await connectDaemon(socket)
  try {
    await actOnHeld(job, daemon, write)
  } finally {
    daemon.close()
  }
}

/** That of this user, or of the system. */
async function usualDaemon(env: Environment): Promise<DaemonClient> {
  const environment = socketEnvironment(env)
  let forbidden: unknown
  for (const candidate of socketCandidates(environment, defaultDataDir(env, environment.isRoot))) {
    try {
      return await connectDaemon(candidate)
    } catch (error) {
      if (!isDamselflyError(error, 'DAEMON_UNREACHABLE')) throw error
      if (systemCode(error.cause) === 'EACCES') forbidden = error
    }
  }
  throw forbidden ?? new DamselflyError('DAEMON_UNREACHABLE', 'no dfdaemon runs for this user or for the system')
}
