import type { FinishedDownload } from '@damselfly/dfdaemon'
import { downloadThrough } from '../small-download.ts'

/** No download of a crowd may take longer; milliseconds. */
const PATIENCE_MS = 60_000

/** How one of many downloads went. */
export interface Outcome {
  /** From the moment when all were asked for; seconds. */
  readonly seconds: number
  /** Undefined when it failed. */
  readonly finished: FinishedDownload | undefined
  readonly error: unknown
}

/** Asks a daemon for all of them at the same moment, each on a connection of its own. */
export async function downloadAll(socket: string, urls: readonly string[]): Promise<readonly Outcome[]> {
  const startedAt = performance.now()
  const signal = AbortSignal.timeout(PATIENCE_MS)
  const since = (): number => (performance.now() - startedAt) / 1000
  return Promise.all(
    urls.map(async (url) =>
      downloadThrough(socket, url, signal).then(
        (finished) => ({ seconds: since(), finished, error: undefined }),
        (error: unknown) => ({ seconds: since(), finished: undefined, error }),
      ),
    ),
  )
}
