import type { Nginx, Supernode } from '@damselfly/test'
import type { BenchContext } from '../../bench.ts'
import { Caller } from '../../lanes/remote-calls.ts'
import { writeOriginFiles } from './catalogue.ts'
import type { HostCalls } from './host.ts'

/** Processes that the peers live in. */
const HOSTS = 4

/** Peers of each. */
const PEERS_PER_HOST = 500

export const PEERS = HOSTS * PEERS_PER_HOST

/** All of them come from one address, and come back at once. */
const ONE_ADDRESS = { limits: { connectionsPerAddress: 2 * PEERS, handshakesPerAddress: PEERS, handshakeRate: PEERS } }

export interface Setting {
  readonly hosts: readonly Caller<HostCalls>[]
  /** Again with its data and its ports, when it has ended. */
  readonly startSupernode: () => Promise<Supernode>
  readonly supernode: Supernode
}

/** A supernode with all peers connected. */
export async function withPeers<T>({ withLab }: BenchContext, work: (setting: Setting) => Promise<T>): Promise<T> {
  return withLab(async (lab) => {
    const nginx: Nginx = await lab.nginx()
    await writeOriginFiles(nginx.root)
    const startSupernode = async (): Promise<Supernode> => lab.supernode('supernode', { config: ONE_ADDRESS })
    const supernode = await startSupernode()
    const hosts = Array.from({ length: HOSTS }, () => new Caller<HostCalls>(new URL('host.ts', import.meta.url)))
    try {
      await Promise.all(
        hosts.map(async (host, i) =>
          host.call('start', {
            supernode: `${supernode.peerId}@${supernode.address}`,
            identityFile: `${supernode.dataDir}/identity.key`,
            origin: nginx.url(''),
            peers: PEERS_PER_HOST,
            firstPort: 10_000 + i * PEERS_PER_HOST,
          }),
        ),
      )
      return await work({ hosts, supernode, startSupernode })
    } finally {
      await Promise.all(hosts.map((host) => host.stop()))
    }
  })
}
