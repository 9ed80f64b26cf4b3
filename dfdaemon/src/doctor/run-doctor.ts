import { resolve } from 'node:path'
import { messageOf } from '@damselfly/shared'
import { defaultSocketPath, socketEnvironment } from '../api/socket-path.ts'
import { readConfiguration } from '../cli/configuration.ts'
import type { Surroundings } from '../cli/surroundings.ts'
import { configWarnings } from '../config/config-warnings.ts'
import type { DaemonConfig } from '../config/config.ts'
import { installedTools } from '../setup/installed-tools.ts'
import { mirrorAddress } from '../setup/mirror-address.ts'
import { RootFolder } from '../setup/root-folder.ts'
import { checkDaemon } from './check-daemon.ts'
import { checkDisk } from './check-disk.ts'
import { checkMirror } from './check-mirror.ts'
import { checkTools } from './check-tools.ts'
import type { DoctorJob } from './command.ts'
import { fail, findingText, ok, warn, type Finding } from './finding.ts'
import { checkImage } from './image-pull.ts'

/** @returns whether nothing failed */
export async function runDoctor(job: DoctorJob, surroundings: Surroundings): Promise<boolean> {
  const { print } = surroundings
  const findings: Finding[] = []
  for await (const finding of examine(job, surroundings)) {
    findings.push(finding)
    if (!job.json) print(findingText(finding))
  }
  const isWell = findings.every(({ state }) => state !== 'fail')
  if (job.json) print(`${JSON.stringify({ ok: isWell, findings })}\n`)
  return isWell
}

async function* examine(job: DoctorJob, { env, isRoot }: Surroundings): AsyncGenerator<Finding> {
  let config: DaemonConfig
  try {
    config = await readConfiguration({ configFile: job.configFile, flags: {}, env, isRoot })
    yield ok('configuration', 'is valid')
    for (const warning of configWarnings(config)) yield warn('configuration', warning, 'correct the named setting')
  } catch (error) {
    return yield fail('configuration', messageOf(error), 'correct the named setting; dfdaemon --print-config shows what is in force')
  }
  const { status, findings } = await checkDaemon(resolve(config.api.socket ?? defaultSocketPath(socketEnvironment(env), config.dataDir)))
  yield* findings
  yield await checkDisk(config, status?.usedBytes)
  yield* examineMirror(config, job.image)
}

async function* examineMirror({ mirror: settings }: DaemonConfig, image: string | undefined): AsyncGenerator<Finding> {
  let mirror: string
  try {
    mirror = mirrorAddress(settings)
  } catch (error) {
    return yield fail('mirror', messageOf(error), 'container tools pull past this daemon until that is set otherwise, and dfdaemon is started again')
  }
  const findings = await checkMirror(mirror, settings.defaultRegistry)
  yield* findings
  const root = new RootFolder('/')
  const unreadable: Finding[] = []
  const installed = installedTools(root, (tool, reason) => unreadable.push(warn(tool.name, reason, 'run this as root to know more')))
  yield* [...unreadable, ...checkTools(installed, root, mirror)]
  if (image !== undefined && findings.every(({ state }) => state !== 'fail')) yield await checkImage(mirror, image)
}
