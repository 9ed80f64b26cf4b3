import { execFile } from 'node:child_process'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { createLocalPieceStore, type PieceStore } from '@damselfly/exchange'
import { systemClock, type Clock } from '@damselfly/shared'
import { silentLogger, type Logger } from '@damselfly/shared/logging'

/** A directory of its own for one test, and the stores that ran in it. */
export class StoreDirectory {
  readonly path: string
  readonly #stores: PieceStore[] = []

  private constructor(path: string) {
    this.path = path
  }

  static async create(): Promise<StoreDirectory> {
    return new StoreDirectory(await mkdtemp(join(tmpdir(), 'damselfly-store-')))
  }

  /** A started store. */
  async start(clock: Clock = systemClock, logger: Logger = silentLogger(), writesInThread = false): Promise<PieceStore> {
    const store = createLocalPieceStore({ directory: this.path, writesInThread, clock, logger })
    this.#stores.push(store)
    await store.start()
    return store
  }

  async dispose(): Promise<void> {
    for (const store of this.#stores) await store.stop().catch(() => undefined)
    await rm(this.path, { recursive: true, force: true })
  }
}

/** What a process that is killed now would leave behind. */
export async function copyOf(directory: StoreDirectory): Promise<StoreDirectory> {
  const copy = await StoreDirectory.create()
  // Node.js keeps times to the microsecond only.
  await promisify(execFile)('cp', ['-a', `${directory.path}/.`, copy.path])
  return copy
}
