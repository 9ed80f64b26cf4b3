import { startDownload, type RemoteDownload } from '@damselfly/dfdaemon/client'
import { requestFor } from '@damselfly/dfdaemon/testing'
import type { FinishedDownload } from '@damselfly/dfdaemon'

/**
 * Downloads through the daemon that listens on `socket`, on a connection of its own, and lets go of the content.
 *
 * @param signal for all of them, since one that is waited for without end tells nobody what is wrong
 * @throws DamselflyError why it failed
 */
export async function downloadThrough(socket: string, url: string, signal: AbortSignal): Promise<FinishedDownload> {
  const download: RemoteDownload = await startDownload(socket, requestFor(url), signal)
  try {
    return await download.finished
  } finally {
    await download.release()
  }
}
