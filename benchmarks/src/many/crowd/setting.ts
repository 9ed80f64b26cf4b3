import { rm } from 'node:fs/promises'
import type { Daemon, Nginx, Supernode } from '@damselfly/test'
import type { BenchContext } from '../../bench.ts'
import type { References } from '../../references/succeed.ts'
import { downloadAll } from './all-at-once.ts'
import { writeSmallFiles, type SmallFile } from './files.ts'

/** Downloads at once. */
export const CROWD = 1000

/** What servers bring before anything counts: one that has just started still compiles what it runs. */
const PRACTICE = 100

export interface Setting extends References {
  readonly nginx: Nginx
  readonly files: readonly SmallFile[]
  readonly supernode: Supernode
  readonly daemon: Daemon
  /** Tells a person what went wrong. */
  readonly report: (line: string) => void
}

/** An origin that stays, and for each call servers with empty stores. */
export async function withFiles<T>({ withLab }: BenchContext, work: (origin: Pick<Setting, 'nginx' | 'files'>) => Promise<T>): Promise<T> {
  return withLab(async (lab) => {
    const nginx = await lab.nginx()
    return work({ nginx, files: await writeSmallFiles(nginx.root, CROWD) })
  })
}

export async function withServers(
  { withLab, programs, report }: BenchContext,
  origin: Pick<Setting, 'nginx' | 'files'>,
  work: (setting: Setting) => Promise<void>,
): Promise<void> {
  await withLab(async (lab) => {
    const supernode = await lab.supernode()
    const daemon = await lab.daemon('peer', { supernodes: [supernode.address] })
    const setting = { ...origin, lab, programs, supernode, daemon, report }
    const urls = origin.files.slice(0, PRACTICE).map(({ name }) => origin.nginx.url(`${name}?practice`))
    const outcomes = await downloadAll(daemon.socket, urls)
    const failure = outcomes.find(({ error }) => error !== undefined)
    if (failure !== undefined) throw failure.error as Error
    await work(setting)
    await rm(lab.path('outputs'), { recursive: true, force: true })
  })
}
