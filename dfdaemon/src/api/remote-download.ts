import { statSync } from 'node:fs'
import { DamselflyError, errorFromWire, isDamselflyError, messageOf, parseDigest, type TaskId } from '@damselfly/shared'
import type { Download, DownloadProgress, FinishedDownload } from '../peer/peer.ts'
import { parseJson } from './answered-error.ts'
import type { LineAnswer } from './line-answer.ts'
import { CAPABILITY_HEADER, contentPath } from './protocol.ts'
import type { DoneEvent, DownloadEvent } from './schemas.ts'

/** A download that the daemon runs for this process. */
export class RemoteDownload implements Download {
  readonly taskId: TaskId
  readonly finished: Promise<FinishedDownload>
  readonly #socketPath: string
  readonly #capability: string
  readonly #answer: LineAnswer
  #progress: DownloadProgress
  #done: DoneEvent | undefined

  private constructor(socketPath: string, answer: LineAnswer, started: Started, events: EventLines) {
    this.#socketPath = socketPath
    this.#answer = answer
    this.#capability = started.capability
    this.taskId = started.taskId as TaskId
    this.#progress = {
      taskId: this.taskId,
      contentLength: undefined,
      verifiedBytes: 0,
      inFlightBytes: 0,
      bytesFrom: { held: 0, peers: 0, cdn: 0, origin: 0 },
      backToSource: undefined,
    }
    this.finished = this.#follow(events)
    this.finished.catch(() => undefined)
  }

  /**
   * @param answer to a request that keeps the content while the connection lasts
   * @throws DamselflyError PROTOCOL, DAEMON_UNREACHABLE, or what ended the download; the signal's reason
   */
  static async follow(socketPath: string, answer: LineAnswer): Promise<RemoteDownload> {
    const events = eventsOf(answer)
    try {
      return new RemoteDownload(socketPath, answer, startOf(await events.next()), events)
    } catch (error) {
      answer.close()
      throw error
    }
  }

  progress(): DownloadProgress {
    return this.#progress
  }

  async *content(signal: AbortSignal): AsyncGenerator<Uint8Array> {
    const { DaemonHttp } = await import('./daemon-http.ts')
    const http = new DaemonHttp(this.#socketPath)
    const headers = { [CAPABILITY_HEADER]: this.#capability }
    try {
      yield* await http.send({ method: 'GET', path: contentPath(this.taskId), headers, signal })
    } catch (error) {
      signal.throwIfAborted()
      // A download that failed before its content was asked for is gone; the reason travels with the events.
      if (isDamselflyError(error, 'TASK_NOT_FOUND')) await this.finished
      if (error instanceof DamselflyError) throw error
      // The connection breaks when the download fails; the reason travels with the events.
      await this.finished
      throw new DamselflyError('DAEMON_UNREACHABLE', `the content broke off: ${messageOf(error)}`, { cause: error })
    } finally {
      http.close()
    }
  }

  /**
   * Where this process finds the finished content, if it may read it and the daemon's path means
   * the same file here; a daemon in a container may mean another one.
   */
  readableFile(): string | undefined {
    const { path, device, inode } = this.#done ?? {}
    if (path === undefined) return undefined
    try {
      const found = statSync(path, { bigint: true })
      return String(found.dev) === device && String(found.ino) === inode ? path : undefined
    } catch {
      return undefined
    }
  }

  async release(): Promise<void> {
    this.#answer.close()
  }

  async #follow(events: EventLines): Promise<FinishedDownload> {
    for await (const event of events) {
      if (event.type === 'progress') this.#progress = progressOf(this.taskId, event)
      else if (event.type === 'error') throw errorFromWire(event.code, event.message)
      else if (event.type === 'done') return this.#finish(event)
    }
    throw connectionLost()
  }

  #finish(event: DoneEvent): FinishedDownload {
    const contentDigest = event.digest === undefined ? undefined : parseDigest(event.digest)
    this.#done = event
    const { length: contentLength, path, bytesFrom, backToSource } = event
    return { taskId: this.taskId, contentLength, contentDigest, path, bytesFrom, backToSource }
  }
}

type Started = Extract<DownloadEvent, { readonly type: 'started' }>
type EventLines = AsyncGenerator<DownloadEvent, void, undefined>

const EVENT_TYPES: ReadonlySet<unknown> = new Set(['started', 'progress', 'done', 'error'] satisfies DownloadEvent['type'][])

function startOf({ done, value: first }: IteratorResult<DownloadEvent, void>): Started {
  if (done === true) throw connectionLost()
  if (first.type === 'started') return first
  if (first.type === 'error') throw errorFromWire(first.code, first.message)
  throw new DamselflyError('PROTOCOL', `dfdaemon began with '${first.type}'`)
}

/** The events that this version knows; others are passed over. */
async function* eventsOf(answer: LineAnswer): EventLines {
  for await (const line of answer.lines()) {
    const event = parseJson(line) as { readonly type?: unknown } | null
    if (EVENT_TYPES.has(event?.type)) yield event as DownloadEvent
  }
}

function progressOf(taskId: TaskId, event: Extract<DownloadEvent, { readonly type: 'progress' }>): DownloadProgress {
  const { contentLength, verifiedBytes, inFlightBytes, bytesFrom, backToSource } = event
  return { taskId, contentLength, verifiedBytes, inFlightBytes, bytesFrom, backToSource }
}

function connectionLost(): DamselflyError {
  return new DamselflyError('DAEMON_UNREACHABLE', 'dfdaemon ended the connection during the download')
}
