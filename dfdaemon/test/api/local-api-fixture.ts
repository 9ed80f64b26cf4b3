import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { systemClock, type Clock } from '@damselfly/shared'
import { silentLogger } from '@damselfly/shared/logging'
import { Registry } from '@damselfly/shared/metrics'
import { connectDaemon, type DaemonClient } from '../../src/api/client.ts'
import { createLocalApi, type LocalApi } from '../../src/api/local-api.ts'
import { FakePeer, type FakePeerInit } from '../../src/testing/index.ts'

export const URL_OF_CONTENT = 'http://origin.test/file'

/** A real socket in a directory of its own, served for a fake peer. */
export interface LocalApiFixture {
  readonly directory: string
  readonly socket: string
  readonly peer: FakePeer
  readonly api: LocalApi
  readonly registry: Registry
  readonly connect: () => Promise<DaemonClient>
  readonly close: () => Promise<void>
}

export async function startLocalApi(
  init: Omit<FakePeerInit, 'dataDir'>,
  { clock = systemClock }: { readonly clock?: Clock } = {},
): Promise<LocalApiFixture> {
  const directory = await mkdtemp(join(tmpdir(), 'damselfly-api-'))
  const socket = join(directory, 'run', 'dfdaemon.sock')
  const peer = new FakePeer({ ...init, dataDir: join(directory, 'data') })
  const registry = new Registry()
  const api = createLocalApi({ peer, socket, registry, clock, logger: silentLogger(), version: '1.2.3' })
  const clients: DaemonClient[] = []
  await peer.start()
  await api.start()
  return {
    directory,
    socket,
    peer,
    api,
    registry,
    async connect() {
      const client = await connectDaemon(socket)
      clients.push(client)
      return client
    },
    async close() {
      for (const client of clients) client.close()
      await api.stop(0)
      await peer.stop()
      await rm(directory, { recursive: true, force: true })
    },
  }
}

/** Lets pieces through one by one, so that a test decides how far a download gets. */
export class PieceGate {
  #open = 0
  readonly #waiting = new Map<number, () => void>()

  readonly pass = (index: number): Promise<void> => {
    if (index < this.#open) return Promise.resolve()
    return new Promise((resolve) => this.#waiting.set(index, resolve))
  }

  /** Lets the first `count` pieces through. */
  open(count: number): void {
    this.#open = Math.max(this.#open, count)
    for (const [index, resolve] of this.#waiting) {
      if (index >= this.#open) continue
      this.#waiting.delete(index)
      resolve()
    }
  }
}
