import type { IncomingMessage } from 'node:http'
import { stat } from 'node:fs/promises'
import { DamselflyError, errorFromWire, messageOf, parseDigest, type TaskId } from '@damselfly/shared'
import type { Download, DownloadProgress, FinishedDownload } from '../peer/peer.ts'
import { parseJson, type DaemonHttp } from './daemon-http.ts'
import { CAPABILITY_HEADER, contentPath, DOWNLOADS_PATH } from './protocol.ts'
import type { DoneEvent, DownloadEvent } from './schemas.ts'

/** One event fits many times; bytes. */
const MAX_LINE_LENGTH = 1024 * 1024

/** A download that the daemon runs for this process. */
export class RemoteDownload implements Download {
  readonly taskId: TaskId
  readonly finished: Promise<FinishedDownload>
  readonly #http: DaemonHttp
  readonly #capability: string
  readonly #response: IncomingMessage
  #progress: DownloadProgress
  #done: DoneEvent | undefined
  #released: Promise<void> | undefined

  private constructor(http: DaemonHttp, response: IncomingMessage, started: Started, events: EventLines) {
    this.#http = http
    this.#response = response
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

  /** @throws DamselflyError PROTOCOL, DAEMON_UNREACHABLE, or what ended the download */
  static async follow(http: DaemonHttp, response: IncomingMessage): Promise<RemoteDownload> {
    const events = eventsOf(response)
    const first = await events.next()
    if (first.done === true) throw connectionLost()
    const started = first.value
    if (started.type === 'error') throw errorFromWire(started.code, started.message)
    if (started.type !== 'started') throw new DamselflyError('PROTOCOL', `dfdaemon began with '${started.type}'`)
    return new RemoteDownload(http, response, started, events)
  }

  progress(): DownloadProgress {
    return this.#progress
  }

  async *content(signal: AbortSignal): AsyncGenerator<Uint8Array> {
    const headers = { [CAPABILITY_HEADER]: this.#capability }
    try {
      yield* await this.#http.send({ method: 'GET', path: contentPath(this.taskId), headers, signal })
    } catch (error) {
      signal.throwIfAborted()
      if (error instanceof DamselflyError) throw error
      // The connection breaks when the download fails; the reason travels with the events.
      await this.finished
      throw new DamselflyError('DAEMON_UNREACHABLE', `the content broke off: ${messageOf(error)}`, { cause: error })
    }
  }

  /**
   * Where this process finds the finished content, if it may read it and the daemon's path means
   * the same file here; a daemon in a container may mean another one.
   */
  async readableFile(): Promise<string | undefined> {
    const { path, device, inode } = this.#done ?? {}
    if (path === undefined) return undefined
    try {
      const found = await stat(path, { bigint: true })
      return String(found.dev) === device && String(found.ino) === inode ? path : undefined
    } catch {
      return undefined
    }
  }

  release(): Promise<void> {
    this.#released ??= this.#end()
    return this.#released
  }

  async #end(): Promise<void> {
    if (this.#done === undefined) {
      this.#response.destroy()
      return
    }
    const headers = { [CAPABILITY_HEADER]: this.#capability }
    try {
      await this.#http.sendForJson({ method: 'DELETE', path: DOWNLOADS_PATH, headers })
    } catch {
      // A daemon that is gone, or that let the download go by itself, has released it as well.
    }
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

/** The events that this version knows; others are passed over. */
async function* eventsOf(response: IncomingMessage): EventLines {
  for await (const line of linesOf(response)) {
    const event = parseJson(line) as { readonly type?: unknown } | null
    if (EVENT_TYPES.has(event?.type)) yield event as DownloadEvent
  }
}

async function* linesOf(response: IncomingMessage): AsyncGenerator<string> {
  let rest = ''
  response.setEncoding('utf8')
  try {
    for await (const part of response) {
      const lines = (rest + String(part)).split('\n')
      rest = lines.pop() ?? ''
      if (rest.length > MAX_LINE_LENGTH) throw new DamselflyError('PROTOCOL', 'dfdaemon sent too long a line')
      yield* lines
    }
  } catch (error) {
    throw error instanceof DamselflyError ? error : connectionLost(error)
  }
}

function progressOf(taskId: TaskId, event: Extract<DownloadEvent, { readonly type: 'progress' }>): DownloadProgress {
  const { contentLength, verifiedBytes, inFlightBytes, bytesFrom, backToSource } = event
  return { taskId, contentLength, verifiedBytes, inFlightBytes, bytesFrom, backToSource }
}

function connectionLost(cause?: unknown): DamselflyError {
  return new DamselflyError('DAEMON_UNREACHABLE', 'dfdaemon ended the connection during the download', { cause })
}
