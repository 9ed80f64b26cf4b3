import type { DownloadRequest } from '@damselfly/dfdaemon'
import type { Environment } from './load-settings.ts'
import { openDaemonSession } from './session/daemon-session.ts'
import type { Notify, Session } from './session/session.ts'
import type { Settings } from './settings.ts'

export interface SessionInit {
  readonly settings: Settings
  readonly request: DownloadRequest
  readonly env: Environment
  readonly version: string
  readonly notify: Notify
  readonly signal: AbortSignal
}

/**
 * The running dfdaemon's download, or one by a peer of this process, which is loaded only when it is used.
 *
 * @throws DamselflyError DAEMON_UNREACHABLE, URL_REFUSED, CONFIG_INVALID, DISK_DENIED, …
 */
export async function openSession(init: SessionInit): Promise<Session> {
  const { settings } = init
  const session = settings.daemon ? await openDaemonSession({ ...init, socket: settings.socket }) : undefined
  if (session !== undefined) return session
  const { openOwnSession } = await import('./session/own-session.ts')
  return openOwnSession(init)
}
