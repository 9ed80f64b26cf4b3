import { writeRandomFile, type Daemon, type Nginx, type Supernode } from '@damselfly/test'
import type { BenchContext } from '../bench.ts'
import { downloadThrough } from '../many/small-download.ts'
import type { Target } from './attacks.ts'

/** Of what honest peers download; bytes. */
export const CONTENT_LENGTH: number = 64 * 1024 * 1024

/** What the line of an honest peer carries; bytes per second. */
export const LINE_RATE: number = 16 * 1024 * 1024

export const HONEST = 2

export interface Setting {
  readonly supernode: Supernode
  readonly daemons: readonly Daemon[]
  readonly nginx: Nginx
  readonly target: Target
}

/** A supernode, an origin and honest daemons, all on this machine. */
export async function withHonestPeers(context: BenchContext, work: (setting: Setting) => Promise<void>): Promise<void> {
  await context.withLab(async (lab) => {
    const nginx = await lab.nginx()
    await writeRandomFile(`${nginx.root}/file`, CONTENT_LENGTH, 1)
    await writeRandomFile(`${nginx.root}/small`, 256 * 1024, 2)
    const supernode = await lab.supernode('supernode', { config: { store: { quota: 4 * 1024 ** 3 } } })
    const config = { security: 'tls', rates: { download: LINE_RATE } }
    const daemons = await Promise.all(
      Array.from({ length: HONEST }, async (_, i) => lab.daemon(`peer-${i}`, { supernodes: [supernode.address], config })),
    )
    const content = nginx.url('small?known')
    const [first] = daemons
    if (first !== undefined) await downloadThrough(first.socket, content, AbortSignal.timeout(60_000))
    const target = {
      host: '127.0.0.1',
      directPort: supernode.ports.direct,
      management: supernode.url,
      adminToken: await supernode.adminToken(),
      origin: nginx.url('').replace(/\/$/, ''),
      content,
    }
    await work({ supernode, daemons, nginx, target })
  })
}
