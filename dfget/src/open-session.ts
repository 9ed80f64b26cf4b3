import { resolve } from 'node:path'
import type { DownloadRequest } from '@damselfly/dfdaemon'
import { systemClock } from '@damselfly/shared'
import { defaultDataDir, type Environment } from './load-settings.ts'
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
 * The running dfdaemon's download, or one by a peer of this process. Either is loaded only when it is used.
 *
 * @throws DamselflyError DAEMON_UNREACHABLE, URL_REFUSED, CONFIG_INVALID, DISK_DENIED, …
 */
export async function openSession(init: SessionInit): Promise<Session> {
  const { settings, request, env, notify, signal } = init
  if (settings.daemon) {
    const { findDaemon, openDaemonSession } = await import('./session/daemon-session.ts')
    const client = await findDaemon(settings.socket, env, notify)
    if (client !== undefined) return openDaemonSession(client, request, signal)
  }
  return embed(init)
}

async function embed({ settings, request, env, version }: SessionInit): Promise<Session> {
  const [{ createEmbeddedPeer }, { openEmbeddedSession }, { removeLeftovers }, { createLogger }] = await Promise.all([
    import('@damselfly/dfdaemon/embedded'),
    import('./session/embedded-session.ts'),
    import('./session/leftovers.ts'),
    import('@damselfly/shared/logging'),
  ])
  const dataDir = resolve(settings.dataDir ?? defaultDataDir(env))
  const { supernodes, security, parallelRanges, origins } = settings
  const logger = createLogger('dfget', settings.log.level)
  const session = await openEmbeddedSession({
    request,
    dataDir,
    createPeer: (directory) =>
      createEmbeddedPeer({ dataDir: directory, supernodes, security, parallelRanges, origins, version, clock: systemClock, logger }),
  })
  await removeLeftovers(dataDir, systemClock.wallTime())
  return session
}
