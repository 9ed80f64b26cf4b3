import { readdir, readFile, readlink } from 'node:fs/promises'
import { messageOf } from '@damselfly/shared'
import type { DownloadLog } from './download-log.ts'
import { storedFiles } from '../stored-files.ts'
import type { World } from './world.ts'

/** What a program holds. */
export interface Holdings {
  /** Resident memory; MiB. */
  readonly memory: number
  /** Without those of contents that are on its disk. */
  readonly openFiles: number
  readonly sockets: number
}

/** Of each program, whatever has happened to it; MiB. */
const MOST_MEMORY = 400
/** Of the index, and of contents that went a moment ago, on top of those at first. */
const MORE_FILES = 32
/** A content that is on the disk may be kept open, lest it be opened for each piece; one that was deleted may not. */
const STORED_CONTENT = /\/[0-9a-f]{64}$/
/** Lanes to every other peer and from it are kept for a while. */
const MORE_SOCKETS_PER_PEER = 6

export type HoldingsByName = ReadonlyMap<string, Holdings>

/** Of the programs that run. */
export async function holdingsOf({ supernode, peers }: World): Promise<HoldingsByName> {
  const found = [supernode, ...peers.values()].map(async ({ name, runningNow }) => (runningNow === undefined ? [] : [[name, await holdingsOfProcess(runningNow.program.pid)] as const]))
  return new Map((await Promise.all(found)).flat())
}

export async function holdingsOfProcess(pid: number): Promise<Holdings> {
  const status = await readFile(`/proc/${pid}/status`, 'utf8')
  const folder = `/proc/${pid}/fd`
  const targets = await Promise.all((await readdir(folder)).map(async (name) => readlink(`${folder}/${name}`).catch(() => '')))
  const sockets = targets.filter((target) => target.startsWith('socket:')).length
  const contents = targets.filter((target) => STORED_CONTENT.test(target)).length
  return { memory: Number(/^VmRSS:\s+(\d+)/m.exec(status)?.[1] ?? 0) / 1024, openFiles: targets.length - sockets - contents, sockets }
}

/** @returns what was kept that is needed no more, a line each */
export async function leftoversOf(world: World, before: HoldingsByName, after: HoldingsByName, downloads: readonly DownloadLog[]): Promise<readonly string[]> {
  return [...excessOf(before, after, world.peers.size), ...(await strayFiles(world)), ...(await strayOutputs(world, downloads))]
}

/** What programs hold that they need not. */
export function excessOf(before: HoldingsByName, after: HoldingsByName, peers: number): readonly string[] {
  const held = Array.from(after, ([name, { memory, openFiles, sockets }]) => {
    const first = before.get(name) ?? { openFiles: 0, sockets: 0 }
    return [
      ...(memory > MOST_MEMORY ? [`${name} has ${memory.toFixed(0)} MiB of memory`] : []),
      ...(openFiles > first.openFiles + MORE_FILES ? [`${name} has ${openFiles} open files, ${first.openFiles} at first`] : []),
      ...(sockets > first.sockets + MORE_SOCKETS_PER_PEER * peers ? [`${name} has ${sockets} sockets, ${first.sockets} at first`] : []),
    ]
  })
  return held.flat()
}

interface TaskList {
  readonly tasks: readonly { readonly taskId: string }[]
}

/** Files of contents that a peer does not know of. */
export async function strayFiles({ peers }: Pick<World, 'peers'>): Promise<readonly string[]> {
  const strays = Array.from(peers.values(), async ({ name, dataDir, runningNow }) => {
    const listed = await runningNow?.call<TaskList>('GET', '/api/v1/tasks').catch((error: unknown) => messageOf(error))
    if (typeof listed === 'string') return [`${name} does not list its contents: ${listed}`]
    const { tasks = [] } = listed ?? {}
    const known = new Set(tasks.map(({ taskId }) => taskId))
    const files = await storedFiles(dataDir)
    return files.filter((path) => !known.has(path.slice(path.lastIndexOf('/') + 1))).map((path) => `${name} has ${path} and does not know of it`)
  })
  return (await Promise.all(strays)).flat()
}

/** Half outputs. */
async function strayOutputs({ lab }: World, downloads: readonly DownloadLog[]): Promise<readonly string[]> {
  const names = await readdir(lab.directory)
  const parts = names.filter((name) => name.endsWith('.part'))
  const wasKilled = downloads.some(({ attempts }) => attempts.some(({ outcome }) => outcome.startsWith('SIG')))
  return wasKilled ? [] : parts.map((name) => `${name} was left`)
}
