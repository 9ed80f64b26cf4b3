import { connectDaemon } from '@damselfly/dfdaemon/client'
import type { TaskId } from '@damselfly/shared'
import { digestOf, writeRandomFile } from '@damselfly/test'
import type { BenchContext } from '../../bench.ts'
import { inMegabytes } from '../resident-memory.ts'
import { downloadThrough } from '../small-download.ts'
import { ASKABLE, MemoryQuestions, type CollectedMemory } from './collected-memory.ts'

export const SERVERS = ['dfdaemon', 'supernode'] as const
export type Server = (typeof SERVERS)[number]

/** Downloads after which memory is looked at: the first look is what the last is compared with. */
export const FIRST = 200
export const LAST = 2000
export const LOOKS: readonly number[] = [FIRST, 500, 1000, 1500, LAST]

/** More than travels inside the answer to a registration, so that pieces and lanes are part of it; bytes. */
const FILE_LENGTH = 160 * 1024

/** No run may take longer; milliseconds. */
const PATIENCE_MS = 300_000

/** What each server had at each look. */
export type Looks = Readonly<Record<Server, readonly CollectedMemory[]>>

/**
 * Downloads one content after the other through a daemon and a supernode of its own.
 *
 * @param contents how many different ones there are; each comes again after the others, when the daemon has deleted it
 */
export async function downloadInARow({ withLab, report }: BenchContext, contents: number): Promise<Looks> {
  return withLab(async (lab) => {
    const nginx = await lab.nginx()
    const sha256 = await writeRandomFile(`${nginx.root}/file`, FILE_LENGTH, 1)
    const supernode = await lab.supernode('supernode', { env: ASKABLE })
    const daemon = await lab.daemon('peer', { supernodes: [supernode.address], env: ASKABLE })
    const client = await connectDaemon(daemon.socket)
    const questions = { dfdaemon: new MemoryQuestions(daemon.program), supernode: new MemoryQuestions(supernode.program) }
    const found: Record<Server, CollectedMemory[]> = { dfdaemon: [], supernode: [] }
    const signal = AbortSignal.timeout(PATIENCE_MS)
    let last: TaskId | undefined
    for (let done = 0; done < LAST; ) {
      const { taskId, path } = await downloadThrough(daemon.socket, nginx.url(`file?${done % contents}`), signal)
      if (done % 100 === 0 && (await digestOf(path)) !== sha256) throw new Error(`${path} is not what the origin serves`)
      // Not the one of just now, whose caller the daemon may not have seen go yet.
      if (contents < LAST && last !== undefined) await client.deleteTask(last)
      last = taskId
      done++
      if (!LOOKS.includes(done)) continue
      for (const server of SERVERS) found[server].push(await questions[server].ask())
      report(`after ${done} of ${contents} contents  ${describeLook(found)}`)
    }
    client.close()
    return found
  })
}

function describeLook(found: Looks): string {
  return SERVERS.map((server) => `${server} ${describeMemory(found[server].at(-1))}`).join(', ')
}

function describeMemory(memory: CollectedMemory | undefined): string {
  return memory === undefined ? '' : `${inMegabytes(memory.resident).toFixed(1)} MB (heap ${inMegabytes(memory.heap).toFixed(1)})`
}
