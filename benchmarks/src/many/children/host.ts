import { createHttpSource, createSourceRegistry } from '@damselfly/cdn'
import { createPeer, NO_RATES, type Peer } from '@damselfly/dfdaemon'
import { requestFor } from '@damselfly/dfdaemon/testing'
import { NO_SPACE_LIMITS, parseSupernodeAddress, type BytesFrom } from '@damselfly/exchange'
import { systemClock } from '@damselfly/shared'
import { silentLogger } from '@damselfly/shared/logging'
import { answerCalls } from '../../lanes/remote-calls.ts'

/** What all children of a host received together; bytes. */
export type Received = BytesFrom

const children: Peer[] = []

const calls = {
  /** Starts so many peers that have all of a daemon but its local API, and serve nobody. */
  async start({ supernode, directories }: { readonly supernode: string; readonly directories: readonly string[] }): Promise<void> {
    for (const dataDir of directories) {
      const child = createPeer({
        dataDir,
        supernodes: [parseSupernodeAddress(supernode)],
        // Whoever cannot be reached is no parent, so that the daemon alone has to serve all.
        listen: { direct: [], libp2p: [], plain: [] },
        advertise: [],
        security: 'tls',
        location: { location: '', zone: '', rack: '' },
        uploadSlots: 1,
        rates: NO_RATES,
        parallelRanges: 1,
        freshForMs: 0,
        space: NO_SPACE_LIMITS,
        preheat: false,
        source: createSourceRegistry([createHttpSource({ policy: { allow: [], trustRequestedHost: true }, insecure: [], userAgent: 'bench' })]),
        version: 'bench',
        clock: systemClock,
        logger: silentLogger(),
      })
      await child.start()
      children.push(child)
    }
  },
  /** Lets all fetch the same content at once, then deletes it. */
  async fetch({ url }: { readonly url: string }): Promise<Received> {
    const all = await Promise.all(children.map(async (child) => fetchAndDelete(child, url)))
    const sum = (from: keyof Received): number => all.reduce((bytes, received) => bytes + received[from], 0)
    return { held: sum('held'), peers: sum('peers'), cdn: sum('cdn'), origin: sum('origin') }
  },
  async stop(): Promise<void> {
    await Promise.all(children.map((child) => child.stop(0)))
  },
}
export type HostCalls = typeof calls

answerCalls(calls)

async function fetchAndDelete(child: Peer, url: string): Promise<BytesFrom> {
  const download = await child.download(requestFor(url, { backToSource: false }))
  try {
    const { bytesFrom } = await download.finished
    return bytesFrom
  } finally {
    await download.release()
    await child.deleteTask(download.taskId)
  }
}
