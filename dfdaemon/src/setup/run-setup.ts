import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import { DamselflyError, messageOf } from '@damselfly/shared'
import { readConfiguration } from '../cli/configuration.ts'
import type { Surroundings } from '../cli/surroundings.ts'
import type { DaemonConfig } from '../config/config.ts'
import { defaultConfigFile, type Environment } from '../config/directories.ts'
import type { SetupJob } from './command.ts'
import type { FileChange } from './files.ts'
import { hasProgram } from './installed-tools.ts'
import { mirrorAddress } from './mirror-address.ts'
import { planSetup, planUndo } from './plan-setup.ts'
import { RecordFile, type KeptRecord } from './record-file.ts'
import { RootFolder } from './root-folder.ts'
import type { Tool } from './tool.ts'
import { unifiedDiff } from './unified-diff.ts'

/** A restart waits for what runs; milliseconds. */
const RESTART_LIMIT = 120_000

/** @throws DamselflyError TOOL_MISSING, TOOL_CONFIG_INVALID, TOOL_CONFIG_CHANGED, TOOL_RESTART_FAILED, CONFIG_INVALID, DISK_DENIED, USAGE */
export async function runSetup(job: SetupJob, surroundings: Surroundings): Promise<void> {
  const root = new RootFolder(job.root)
  if (root.isThisMachine && !job.dryRun && !surroundings.isRoot) {
    throw new DamselflyError('DISK_DENIED', `only root changes ${job.tool.folder}: use sudo, or --dry-run to see what would change`)
  }
  if (job.undo) await undo(job, root, surroundings)
  else await setUp(job, root, surroundings)
}

async function setUp(job: SetupJob, root: RootFolder, { env, isRoot, print }: Surroundings): Promise<void> {
  const { tool, registries } = job
  requireTool(tool, root)
  const { mirror } = await readConfiguration({ configFile: configFileOf(job, root, env), flags: {}, env, isRoot })
  refuseOtherDefault(tool, mirror)
  const records = new RecordFile(root, tool.record)
  const kept = records.read()
  const plan = planSetup({ tool, files: root, wish: { mirror: mirrorAddress(mirror), registries }, record: kept })
  for (const note of plan.notes) print(`note: ${note}\n`)
  if (plan.changes.length === 0) return print(`${tool.name} is set up already: nothing to do\n`)
  if (job.dryRun) return plan.changes.forEach((change) => print(unifiedDiff(change)))
  const folders = plan.changes.flatMap(({ path }) => root.missingFolders(path))
  records.write({ ...plan.record, folders: [...new Set([...folders, ...(kept?.folders ?? [])])] })
  for (const change of plan.changes) {
    root.write(change)
    print(`${written(change)}${change.before === undefined ? '' : `; as it was: ${records.backupOf(change.path)}`}\n`)
  }
  await notice(job, plan.needsRestart, print)
}

async function undo(job: SetupJob, root: RootFolder, { print }: Surroundings): Promise<void> {
  const { tool } = job
  const records = new RecordFile(root, tool.record)
  const kept = records.read()
  if (kept === undefined) return print(`${tool.name} was not set up here: nothing to do\n`)
  const changes = undoOf(kept, root, records)
  if (job.dryRun) return changes.forEach((change) => print(unifiedDiff(change)))
  for (const change of changes) {
    root.write(change)
    print(`${written(change)}\n`)
  }
  for (const folder of kept.folders) root.removeIfEmpty(folder)
  records.remove(kept)
  await notice(job, changes.some(isNoticedLate), print)
}

function undoOf(kept: KeptRecord, root: RootFolder, records: RecordFile): readonly FileChange[] {
  try {
    return planUndo(kept, root)
  } catch (error) {
    if (!(error instanceof DamselflyError) || error.code !== 'TOOL_CONFIG_CHANGED') throw error
    const backups = kept.changes.filter(({ before }) => before !== undefined).map(({ path }) => records.backupOf(path))
    const where = backups.length === 0 ? '' : `; as it was before: ${backups.join(', ')}`
    throw new DamselflyError('TOOL_CONFIG_CHANGED', `${error.message}, at the very place that is ours (${kept.mirror}); nothing was changed${where}`, { cause: error })
  }
}

/** containerd reads hosts.toml at each pull. */
function isNoticedLate({ path }: FileChange): boolean {
  return !path.endsWith('/hosts.toml')
}

function requireTool(tool: Tool, root: RootFolder): void {
  if (root.has(tool.folder) || hasProgram(root, tool)) return
  throw new DamselflyError('TOOL_MISSING', `${tool.name} is not installed: there is neither ${tool.programs.join(', ')} nor ${root.place(tool.folder)}`)
}

/** Docker means docker.io, whatever the mirror makes of requests that name no registry. */
function refuseOtherDefault(tool: Tool, { defaultRegistry }: DaemonConfig['mirror']): void {
  if (tool.name !== 'docker' || defaultRegistry === 'docker.io') return
  throw new DamselflyError('CONFIG_INVALID', `mirror.defaultRegistry: docker asks mirrors for docker.io, but this daemon would give it images of ${defaultRegistry}`)
}

/** An image has the configuration of its own daemon. */
function configFileOf({ configFile }: SetupJob, root: RootFolder, env: Environment): string | undefined {
  const usual = defaultConfigFile(env, true)
  return configFile ?? (!root.isThisMachine && root.has(usual) ? root.place(usual) : undefined)
}

function written({ path, before, after }: FileChange): string {
  return after === undefined ? `removed ${path}` : `${before === undefined ? 'made' : 'changed'} ${path}`
}

async function notice({ tool, restart, root }: SetupJob, isNeeded: boolean, print: (text: string) => void): Promise<void> {
  const command = tool.restart
  if (!isNeeded || command === undefined || root !== '/') return
  const line = command.join(' ')
  if (!restart) return print(`${tool.name} notices it after: ${line}\n`)
  const [program = '', ...args] = command
  try {
    await promisify(execFile)(program, args, { timeout: RESTART_LIMIT })
    print(`${line}: done\n`)
  } catch (error) {
    throw new DamselflyError('TOOL_RESTART_FAILED', `everything is written, but ${line} failed: ${messageOf(error).trim()}`, { cause: error })
  }
}
