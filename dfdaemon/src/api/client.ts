import { DamselflyError, formatDigest, type TaskId } from '@damselfly/shared'
import type { DownloadRequest } from '../peer/peer.ts'
import type { DaemonHttp } from './daemon-http.ts'
import { isCrowded, LineAnswer } from './line-answer.ts'
import { DOWNLOADS_PATH, STATUS_PATH, TASKS_PATH } from './protocol.ts'
import { RemoteDownload } from './remote-download.ts'
import type { DownloadBody, StatusBody, TaskBody } from './schemas.ts'

export { RemoteDownload } from './remote-download.ts'
export * from './socket-path.ts'
export { defaultDataDir } from '../config/directories.ts'

/** A daemon on the same host answers at once; one that hangs must not keep a person waiting. Milliseconds. */
const PATIENCE_MS = 3000

/**
 * Starts a download in the daemon that listens on `socketPath`, or joins the one that runs. It ends when `release` is
 * called or this process dies. Loads neither the server nor the schemas, nor what it can do without.
 *
 * @param patienceMs how long a daemon may be silent before it is asked whether it lives
 * @throws DamselflyError URL_REFUSED; DAEMON_UNREACHABLE, whose cause tells whether nobody listens or access is denied;
 *   the signal's reason
 */
export async function startDownload(
  socketPath: string,
  request: DownloadRequest,
  signal: AbortSignal,
  patienceMs: number = PATIENCE_MS,
): Promise<RemoteDownload> {
  const dead = new AbortController()
  const stopWatching = watchOver(socketPath, patienceMs, (error) => dead.abort(error))
  try {
    const ending = AbortSignal.any([signal, dead.signal])
    const answer = await LineAnswer.to(socketPath, DOWNLOADS_PATH, bodyOf(request), ending)
    return await RemoteDownload.follow(socketPath, answer)
  } finally {
    stopWatching()
  }
}

/** What else the local API offers to programs on the same host. */
export interface DaemonClient {
  /** As `startDownload`. */
  download(request: DownloadRequest, signal: AbortSignal): Promise<RemoteDownload>
  status(): Promise<StatusBody>
  tasks(): Promise<readonly TaskBody[]>
  /** @throws DamselflyError TASK_NOT_FOUND, TASK_BUSY, TASK_PINNED */
  deleteTask(taskId: TaskId): Promise<void>
  /** @throws DamselflyError TASK_NOT_FOUND */
  pinTask(taskId: TaskId, isPinned: boolean): Promise<void>
  close(): void
}

/**
 * @param timeoutMs how long the daemon may take to answer
 * @throws DamselflyError DAEMON_UNREACHABLE; its cause tells whether nobody listens or access is denied
 */
export async function connectDaemon(socketPath: string, timeoutMs: number = PATIENCE_MS): Promise<DaemonClient> {
  const { DaemonHttp } = await import('./daemon-http.ts')
  const http = new DaemonHttp(socketPath)
  const signal = AbortSignal.timeout(timeoutMs)
  try {
    await http.sendForJson({ method: 'GET', path: '/healthz', signal })
  } catch (error) {
    http.close()
    if (!signal.aborted) throw error
    throw new DamselflyError('DAEMON_UNREACHABLE', `dfdaemon at ${socketPath} did not answer within ${timeoutMs} ms`)
  }
  return new SocketClient(socketPath, http)
}

/** So many times its patience a client waits for the answer: with a thousand callers before it, it takes its time. */
const ANSWER_PATIENCE = 4

/** Asks a silent daemon whether it lives, again and again. @returns stops asking */
function watchOver(socketPath: string, patienceMs: number, onDead: (error: unknown) => void): () => void {
  let isOver = false
  const askLater = (): void => {
    if (!isOver) timer = setTimeout(ask, patienceMs)
  }
  const ask = (): void => {
    connectDaemon(socketPath, patienceMs * ANSWER_PATIENCE).then(
      (client) => {
        client.close()
        askLater()
      },
      (error: unknown) => (isCrowded(error) ? askLater() : onDead(error)),
    )
  }
  let timer = setTimeout(ask, patienceMs)
  return () => {
    isOver = true
    clearTimeout(timer)
  }
}

class SocketClient implements DaemonClient {
  readonly #socketPath: string
  readonly #http: DaemonHttp

  constructor(socketPath: string, http: DaemonHttp) {
    this.#socketPath = socketPath
    this.#http = http
  }

  download(request: DownloadRequest, signal: AbortSignal): Promise<RemoteDownload> {
    return startDownload(this.#socketPath, request, signal)
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

  async pinTask(taskId: TaskId, isPinned: boolean): Promise<void> {
    await this.#http.sendForJson({ method: 'POST', path: `${TASKS_PATH}/${taskId}/${isPinned ? 'pin' : 'unpin'}` })
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
    keep: 'connection',
  }
}
