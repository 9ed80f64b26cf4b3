import { randomBytes } from 'node:crypto'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { NO_SPACE_LIMITS } from '@damselfly/exchange'
import { systemClock } from '@damselfly/shared'
import { silentLogger } from '@damselfly/shared/logging'
import { NO_RATES } from '../../src/peer/host-rates.ts'
import { createPeer } from '../../src/peer/local-peer.ts'
import type { Download, DownloadRequest, Peer } from '../../src/peer/peer.ts'
import { requestFor } from '../../src/testing/index.ts'
import { FakeSource } from './fake-source.ts'

export const MIB = 1024 * 1024

/** A peer without a supernode, on a real disk, and the origin that it meets. */
export class PeerBench {
  readonly source: FakeSource
  readonly #directory: string
  peer: Peer

  private constructor(directory: string, content: Uint8Array) {
    this.#directory = directory
    this.source = new FakeSource(content)
    this.peer = this.createPeer()
  }

  static async create(content: Uint8Array = randomBytes(4 * MIB + 5)): Promise<PeerBench> {
    const bench = new PeerBench(await mkdtemp(join(tmpdir(), 'peer-')), content)
    await bench.peer.start()
    return bench
  }

  async stop(): Promise<void> {
    await this.peer.stop(0)
    await rm(this.#directory, { recursive: true })
  }

  /** The same peer as another process would run it. */
  createPeer(): Peer {
    return createPeer({
      dataDir: join(this.#directory, 'data'),
      supernodes: [],
      listen: { direct: [], libp2p: [], plain: [] },
      advertise: [],
      security: 'tls',
      location: { location: '', zone: '', rack: '' },
      uploadSlots: 4,
      rates: NO_RATES,
      parallelRanges: 2,
      freshForMs: 0,
      space: NO_SPACE_LIMITS,
      preheat: true,
      source: this.source,
      version: '0',
      clock: systemClock,
      logger: silentLogger(),
    })
  }

  download(request: Partial<DownloadRequest> = {}): Promise<Download> {
    return this.peer.download(wanted(request))
  }

  /** @param token of the caller */
  downloadAs(token: string, request: Partial<DownloadRequest> = {}): Promise<Download> {
    return this.download({ headers: [['Authorization', token]], ...request })
  }
}

export function wanted(request: Partial<DownloadRequest> = {}): DownloadRequest {
  return requestFor('https://origin.example/file', request)
}

/** Looks again in each turn of the event loop; the test's own time limit ends it. */
export async function until(holds: () => boolean): Promise<void> {
  while (!holds()) await new Promise((resolve) => setImmediate(resolve))
}
