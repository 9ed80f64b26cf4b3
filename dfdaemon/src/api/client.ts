import { DamselflyError, formatDigest, type TaskId } from '@damselfly/shared'
import type { DownloadRequest } from '../peer/peer.ts'
import { DaemonHttp } from './daemon-http.ts'
import { DOWNLOADS_PATH, STATUS_PATH, TASKS_PATH } from './protocol.ts'
import { RemoteDownload } from './remote-download.ts'
import type { DownloadBody, StatusBody, TaskBody } from './schemas.ts'

export { RemoteDownload } from './remote-download.ts'
export * from './socket-path.ts'
export { defaultDataDir } from '../config/directories.ts'

/** The local API as programs on the same host use it. Loads neither the server nor the schemas. */
export interface DaemonClient {
  /**
   * Starts a download, or joins the one that runs; it ends when `release` is called or this process dies.
   *
   * @throws DamselflyError URL_REFUSED, DAEMON_UNREACHABLE, or the signal's reason
   */
  download(request: DownloadRequest, signal: AbortSignal): Promise<RemoteDownload>
  status(): Promise<StatusBody>
  tasks(): Promise<readonly TaskBody[]>
  /** @throws DamselflyError TASK_NOT_FOUND, TASK_BUSY */
  deleteTask(taskId: TaskId): Promise<void>
  close(): void
}

/** A daemon on the same host answers at once; one that hangs must not keep a person waiting. Milliseconds. */
const CONNECT_TIMEOUT_MS = 3000

/**
 * @param timeoutMs how long the daemon may take to answer
 * @throws DamselflyError DAEMON_UNREACHABLE; its cause tells whether nobody listens or access is denied
 */
export async function connectDaemon(socketPath: string, timeoutMs: number = CONNECT_TIMEOUT_MS): Promise<DaemonClient> {
  const http = new DaemonHttp(socketPath)
  const signal = AbortSignal.timeout(timeoutMs)
  try {
    await http.sendForJson({ method: 'GET', path: '/healthz', signal })
  } catch (error) {
    http.close()
    if (!signal.aborted) throw error
    throw new DamselflyError('DAEMON_UNREACHABLE', `dfdaemon at ${socketPath} did not answer within ${timeoutMs} ms`)
  }
  return new SocketClient(http)
}

class SocketClient implements DaemonClient {
  readonly #http: DaemonHttp

  constructor(http: DaemonHttp) {
    this.#http = http
  }

  async download(request: DownloadRequest, signal: AbortSignal): Promise<RemoteDownload> {
    const response = await this.#http.send({ method: 'POST', path: DOWNLOADS_PATH, body: bodyOf(request), signal })
    return RemoteDownload.follow(this.#http, response)
  }

  async status(): Promise<StatusBody> {
    return (await this.#http.sendForJson({ method: 'GET', path: STATUS_PATH })) as StatusBody
  }

  async tasks(): Promise<readonly TaskBody[]> {
    const { tasks } = (await this.#http.sendForJson({ method: 'GET', path: TASKS_PATH })) as { tasks: TaskBody[] }
    return tasks
  }

  async deleteTask(taskId: TaskId): Promise<void> {
    await this.#http.sendForJson({ method: 'DELETE', path: `${TASKS_PATH}/${taskId}` })
  }

  close(): void {
    this.#http.close()
  }
}

function bodyOf(request: DownloadRequest): DownloadBody {
  const { headers, filteredQueryParams, digest, ...rest } = request
  return {
    ...rest,
    headers: headers.map(([name, value]) => [name, value]),
    filteredQueryParams: [...filteredQueryParams],
    digest: digest === undefined ? undefined : formatDigest(digest),
  }
}
