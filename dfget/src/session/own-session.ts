import { resolve } from 'node:path'
import { createEmbeddedPeer } from '@damselfly/dfdaemon/embedded'
import { collectBuffersWithYoungObjects, systemClock } from '@damselfly/shared'
import { createLogger } from '@damselfly/shared/logging'
import { defaultDataDir } from '../load-settings.ts'
import type { SessionInit } from '../open-session.ts'
import { openEmbeddedSession } from './embedded-session.ts'
import { removeLeftovers } from './leftovers.ts'
import type { Session } from './session.ts'

/** A download by a peer of this process. @throws DamselflyError URL_REFUSED, CONFIG_INVALID, DISK_DENIED, … */
export async function openOwnSession({ settings, request, env, version }: SessionInit): Promise<Session> {
  collectBuffersWithYoungObjects()
  const dataDir = resolve(settings.dataDir ?? defaultDataDir(env))
  const { supernodes, security, parallelRanges, origins, limitUpload: uploadRate } = settings
  const joinToken = { token: settings.joinToken?.reveal(), file: settings.joinTokenFile }
  const logger = createLogger('dfget', settings.log.level)
  const session = await openEmbeddedSession({
    request,
    dataDir,
    createPeer: (directory) =>
      createEmbeddedPeer({ dataDir: directory, supernodes, joinToken, security, parallelRanges, uploadRate, origins, version, clock: systemClock, logger }),
  })
  await removeLeftovers(dataDir, systemClock.wallTime())
  return session
}
