import type { DownloadRequest, FinishedDownload } from '@damselfly/dfdaemon'
import {
  connectDaemon,
  defaultDataDir,
  socketCandidates,
  socketEnvironment,
  type DaemonClient,
  type RemoteDownload,
} from '@damselfly/dfdaemon/client'
import { isDamselflyError, systemCode } from '@damselfly/shared'
import type { Environment } from '../load-settings.ts'
import { fillByStream, fillFromStore } from '../output/fill.ts'
import type { Notify, Session } from './session.ts'

/**
 * The daemon that runs for this user or for the system.
 *
 * @param socket the one socket that must answer; undefined: the usual ones are tried
 * @returns undefined when none runs
 * @throws DamselflyError DAEMON_UNREACHABLE when `socket` does not answer
 */
export async function findDaemon(socket: string | undefined, env: Environment, notify: Notify): Promise<DaemonClient | undefined> {
  if (socket !== undefined) return connectDaemon(socket)
  const environment = socketEnvironment(env)
  for (const candidate of socketCandidates(environment, defaultDataDir(env, environment.isRoot))) {
    try {
      return await connectDaemon(candidate)
    } catch (error) {
      if (!isDamselflyError(error, 'DAEMON_UNREACHABLE')) throw error
      if (systemCode(error.cause) === 'EACCES') notify(`no permission to use dfdaemon at ${candidate}; working without it`)
    }
  }
  return undefined
}

/** @throws DamselflyError as DaemonClient.download */
export async function openDaemonSession(client: DaemonClient, request: DownloadRequest, signal: AbortSignal): Promise<Session> {
  try {
    return new DaemonSession(client, await client.download(request, signal))
  } catch (error) {
    client.close()
    throw error
  }
}

class DaemonSession implements Session {
  readonly download: RemoteDownload
  readonly #client: DaemonClient

  constructor(client: DaemonClient, download: RemoteDownload) {
    this.#client = client
    this.download = download
  }

  async fill(_finished: FinishedDownload, part: string, mode: number, signal: AbortSignal): Promise<void> {
    const source = await this.download.readableFile()
    if (source !== undefined && (await fillFromStore(source, part, mode))) return
    await fillByStream(this.download.content(signal), part, mode, signal)
  }

  async close(): Promise<void> {
    await this.download.release()
    this.#client.close()
  }
}
