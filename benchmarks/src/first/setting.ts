import { rm } from 'node:fs/promises'
import { writeRandomFile, type Daemon, type Nginx, type Supernode } from '@damselfly/test'
import type { BenchContext } from '../bench.ts'
import type { References } from '../references/succeed.ts'

/** The file's name at its origin. */
export const FILE = 'file'

/** What servers are asked for before anything counts: one that has just started still compiles what it runs. */
const PRACTICE = { name: 'practice', length: 64 * 1024 * 1024 }

/** An origin and the file that it serves. */
export interface Origin {
  readonly nginx: Nginx
  /** Of the file. */
  readonly digest: string
  /** Of the file; bytes. */
  readonly length: number
}

/** Servers that run, and the origin of what they are asked for. */
export interface Setting extends References, Origin {
  readonly supernode: Supernode
  readonly peers: readonly Daemon[]
  /** These accept nothing that is not encrypted, not even within one machine. */
  readonly encryptedPeers: readonly Daemon[]
}

export async function withOrigin<T>({ withLab }: BenchContext, length: number, work: (origin: Origin) => Promise<T>): Promise<T> {
  return withLab(async (lab) => {
    const nginx = await lab.nginx()
    await writeRandomFile(`${nginx.root}/${PRACTICE.name}`, PRACTICE.length, 2)
    return work({ nginx, length, digest: await writeRandomFile(`${nginx.root}/${FILE}`, length, 1) })
  })
}

/** New servers with empty stores. Those of earlier rounds would have the disk busy writing what a reference never leaves behind. */
export async function withServers(
  { withLab, programs }: BenchContext,
  origin: Origin,
  { peers, encryptedPeers }: { readonly peers: number; readonly encryptedPeers: number },
  work: (setting: Setting) => Promise<void>,
): Promise<void> {
  await withLab(async (lab) => {
    const supernode = await lab.supernode()
    const supernodes = [supernode.address]
    const start = async (count: number, name: string, config: Record<string, unknown>): Promise<readonly Daemon[]> =>
      Promise.all(Array.from({ length: count }, async (_, i) => lab.daemon(`${name}-${i}`, { supernodes, config })))
    const setting: Setting = {
      ...origin,
      lab,
      programs,
      supernode,
      peers: await start(peers, 'peer', {}),
      encryptedPeers: await start(encryptedPeers, 'encrypted', { security: 'tls' }),
    }
    await practise(setting)
    await work(setting)
  })
}

/** Servers run for weeks, so that their code is compiled when somebody comes; here it must be first. */
async function practise({ lab, nginx, peers, encryptedPeers }: Setting): Promise<void> {
  for (const [i, peer] of [...peers, ...encryptedPeers].entries()) {
    const output = lab.path(`practice-${i}`)
    await lab.download(nginx.url(PRACTICE.name), output, peer).done()
    await rm(output)
  }
}
