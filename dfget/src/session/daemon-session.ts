import type { DownloadRequest, FinishedDownload } from '@damselfly/dfdaemon'
import { defaultDataDir, socketCandidates, socketEnvironment, startDownload, type RemoteDownload } from '@damselfly/dfdaemon/client'
import { isDamselflyError, systemCode } from '@damselfly/shared'
import type { Environment } from '../load-settings.ts'
import { fillByStream, fillFromStore } from '../output/fill.ts'
import type { Notify, Session } from './session.ts'

export interface DaemonSessionInit {
  /** The one socket that must answer; undefined: the usual ones are tried. */
  readonly socket: string | undefined
  readonly request: DownloadRequest
  readonly env: Environment
  readonly notify: Notify
  readonly signal: AbortSignal
}

/**
 * Downloads with the daemon that runs for this user or for the system.
 *
 * @returns undefined when none runs
 * @throws DamselflyError DAEMON_UNREACHABLE when `socket` does not answer; else as `startDownload`
 */
export async function openDaemonSession(init: DaemonSessionInit): Promise<Session | undefined> {
  const { socket, request, env, notify, signal } = init
  if (socket !== undefined) return new DaemonSession(await startDownload(socket, request, signal))
  const environment = socketEnvironment(env)
  for (const candidate of socketCandidates(environment, defaultDataDir(env, environment.isRoot))) {
    try {
      return new DaemonSession(await startDownload(candidate, request, signal))
    } catch (error) {
      if (!isDamselflyError(error, 'DAEMON_UNREACHABLE')) throw error
      if (systemCode(error.cause) === 'EACCES') notify(`no permission to use dfdaemon at ${candidate}; working without it`)
    }
  }
  return undefined
}

class DaemonSession implements Session {
  readonly download: RemoteDownload

  constructor(download: RemoteDownload) {
    this.download = download
  }

  async fill(_finished: FinishedDownload, part: string, mode: number, signal: AbortSignal): Promise<void> {
    const source = this.download.readableFile()
    if (source !== undefined && (await fillFromStore(source, part, mode))) return
    await fillByStream(this.download.content(signal), part, mode, signal)
  }

  close(): Promise<void> {
    return this.download.release()
  }
}
