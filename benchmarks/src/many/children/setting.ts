import { rm } from 'node:fs/promises'
import { setTimeout as sleep } from 'node:timers/promises'
import { writeRandomFile, type Daemon, type Nginx, type Supernode } from '@damselfly/test'
import type { BenchContext } from '../../bench.ts'
import { Caller } from '../../lanes/remote-calls.ts'
import { downloadThrough } from '../small-download.ts'
import type { HostCalls } from './host.ts'
import { CHILDREN_PER_HOST, CONTENT_LENGTH, HOSTS } from './size.ts'

const PATIENCE_MS = 120_000

export interface Setting {
  readonly hosts: readonly Caller<HostCalls>[]
  readonly daemon: Daemon
  readonly supernode: Supernode
  /** Contents that the daemon holds, and nobody else. */
  readonly urls: readonly string[]
}

/** @param contents how many there are */
export async function withChildren<T>({ withLab }: BenchContext, contents: number, work: (setting: Setting) => Promise<T>): Promise<T> {
  return withLab(async (lab) => {
    const nginx: Nginx = await lab.nginx()
    await writeRandomFile(`${nginx.root}/file`, CONTENT_LENGTH, 1)
    const urls = Array.from({ length: contents }, (_, i) => nginx.url(`file?${i}`))
    const first = await lab.supernode()
    const daemon = await lab.daemon('parent', { supernodes: [first.address], config: { security: 'tls' } })
    for (const url of urls) await downloadThrough(daemon.socket, url, AbortSignal.timeout(PATIENCE_MS))
    const supernode = await withoutContents(first, async () => lab.supernode(), contents)
    const hosts = Array.from({ length: HOSTS }, () => new Caller<HostCalls>(new URL('host.ts', import.meta.url)))
    try {
      await Promise.all(
        hosts.map(async (host, h) => {
          const directories = Array.from({ length: CHILDREN_PER_HOST }, (_, i) => lab.path(`child-${h}-${i}`))
          await host.call('start', { supernode: `${supernode.peerId}@${supernode.address}`, directories })
        }),
      )
      return await work({ hosts, daemon, supernode, urls })
    } finally {
      await Promise.all(hosts.map((host) => host.stop()))
    }
  })
}

/** Starts the supernode again with an empty CDN, and waits until the daemon has told it what it holds. */
async function withoutContents(old: Supernode, start: () => Promise<Supernode>, contents: number): Promise<Supernode> {
  await old.program.stop()
  await rm(`${old.dataDir}/pieces`, { recursive: true })
  const supernode = await start()
  const deadline = performance.now() + PATIENCE_MS
  while ((await supernode.metric('damselfly_supernode_tasks')) < contents) {
    if (performance.now() > deadline) throw new Error('the daemon has not told what it holds')
    await sleep(100)
  }
  return supernode
}
