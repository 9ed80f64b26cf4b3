import { randomBytes } from 'node:crypto'
import { mkdir, rename, rm } from 'node:fs/promises'
import { join } from 'node:path'
import type { Download, DownloadRequest, FinishedDownload, Peer } from '@damselfly/dfdaemon'
import { DamselflyError, deriveTaskId, diskError, isDamselflyError, splitHeaders } from '@damselfly/shared'
import { fillFromStore } from '../output/fill.ts'
import type { Session } from './session.ts'

export interface EmbeddedSessionInit {
  readonly request: DownloadRequest
  /** Holds one store per task; an absolute path. */
  readonly dataDir: string
  /** A peer that keeps everything below the directory. Not started. */
  readonly createPeer: (dataDir: string) => Peer
}

/**
 * Downloads with a peer of its own, whose store belongs to the one task, so that several
 * dfgets run at once and each continues where an earlier one for the same task stopped.
 *
 * @throws DamselflyError URL_REFUSED, DISK_DENIED, DISK_FULL, DISK_FAILED
 */
export async function openEmbeddedSession(init: EmbeddedSessionInit): Promise<Session> {
  const { request, dataDir, createPeer } = init
  const directory = join(dataDir, storeName(request))
  const store = await startPeer(directory, createPeer)
  try {
    return new EmbeddedSession(store, await store.peer.download(request))
  } catch (error) {
    await discard(store)
    throw error
  }
}

interface StartedStore {
  readonly directory: string
  readonly peer: Peer
  /** Nobody will find it again, so nothing is kept in it. */
  readonly isPrivate: boolean
}

/** Another dfget may be at the same task: then this one works in a store that nobody else knows. */
async function startPeer(directory: string, createPeer: (dataDir: string) => Peer): Promise<StartedStore> {
  await makeStore(directory)
  const shared = createPeer(directory)
  try {
    await shared.start()
    return { directory, peer: shared, isPrivate: false }
  } catch (error) {
    // It may also be about to remove the store.
    if (!isDamselflyError(error, 'STORE_LOCKED') && !isDamselflyError(error, 'DISK_FAILED')) throw error
  }
  const own = ownName(directory)
  await makeStore(own)
  const peer = createPeer(own)
  await peer.start()
  return { directory: own, peer, isPrivate: true }
}

/** The name goes before the lock does, so that another dfget never opens a store that vanishes under it. */
async function discard({ directory, peer, isPrivate }: StartedStore): Promise<void> {
  const doomed = isPrivate ? directory : ownName(directory)
  if (!isPrivate) await rename(directory, doomed)
  await peer.stop(0)
  await rm(doomed, { recursive: true, force: true })
}

function ownName(directory: string): string {
  return `${directory}-${randomBytes(6).toString('hex')}`
}

async function makeStore(directory: string): Promise<void> {
  await mkdir(directory, { recursive: true, mode: 0o700 }).catch((error: unknown) => {
    throw diskError(error, `create ${directory}`)
  })
}

function storeName(request: DownloadRequest): string {
  return deriveTaskId({ ...request, headers: splitHeaders(request.headers).variant })
}

class EmbeddedSession implements Session {
  readonly download: Download
  readonly #store: StartedStore

  constructor(store: StartedStore, download: Download) {
    this.#store = store
    this.download = download
  }

  async fill({ path }: FinishedDownload, part: string, mode: number): Promise<void> {
    if (!(await fillFromStore(path, part, mode))) throw new DamselflyError('DISK_FAILED', `${path} is gone`)
  }

  async close(keep: boolean): Promise<void> {
    await this.download.release()
    const isWorthKeeping = keep && !this.#store.isPrivate && this.download.progress().verifiedBytes > 0
    if (isWorthKeeping) await this.#store.peer.stop(0)
    else await discard(this.#store)
  }
}
