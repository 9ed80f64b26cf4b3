import { connect, type Socket } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { DamselflyError, isDamselflyError, messageOf, systemCode } from '@damselfly/shared'
import { answeredError } from './answered-error.ts'

/** No line of the daemon's comes near it; characters. */
const MAX_UNREAD_LENGTH = 1024 * 1024

/** From one attempt to the next while too many wait for the daemon to accept them; milliseconds. */
const CROWD_PAUSE_MS = 20

const STATUS = /^HTTP\/1\.\d (\d{3}) /
const END_OF_HEAD = '\r\n\r\n'

/**
 * The daemon's answer to one request, line by line as it comes, on a connection of its own.
 *
 * It asks as HTTP/1.0 does, so that the answer needs no decoding and ends with the connection: to load `node:http`
 * takes longer than the download of a small file.
 */
export class LineAnswer {
  readonly #socketPath: string
  readonly #signal: AbortSignal
  readonly #socket: Socket
  #unread = ''
  #hasMore = false
  #failure: Error | undefined
  #isClosed = false
  #wake: () => void = () => undefined

  /**
   * Sends the request and resolves with an answer of status 2xx.
   *
   * @param signal ends the connection at any time
   * @throws DamselflyError DAEMON_UNREACHABLE, whose cause tells whether nobody listens or access is denied; PROTOCOL,
   *   or what the daemon answered; the signal's reason
   */
  static async to(socketPath: string, path: string, body: unknown, signal: AbortSignal): Promise<LineAnswer> {
    for (;;) {
      signal.throwIfAborted()
      try {
        return await LineAnswer.#once(socketPath, path, body, signal)
      } catch (error) {
        if (!isCrowded(error)) throw error
      }
      await sleep(CROWD_PAUSE_MS, undefined, { signal }).catch(() => undefined)
    }
  }

  static async #once(socketPath: string, path: string, body: unknown, signal: AbortSignal): Promise<LineAnswer> {
    const answer = new LineAnswer(socketPath, signal)
    try {
      answer.#send(path, JSON.stringify(body))
      await answer.#readHead()
      return answer
    } catch (error) {
      answer.close()
      throw error
    }
  }

  private constructor(socketPath: string, signal: AbortSignal) {
    this.#socketPath = socketPath
    this.#signal = signal
    this.#socket = connect(socketPath).setEncoding('utf8')
    const abort = (): void => void this.#socket.destroy()
    signal.addEventListener('abort', abort)
    this.#socket.on('data', (text: string) => this.#take(text))
    this.#socket.on('error', (error) => (this.#failure = error))
    this.#socket.on('close', () => {
      signal.removeEventListener('abort', abort)
      this.#isClosed = true
      this.#wake()
    })
  }

  /** Ends where the daemon ends, or when the connection breaks off. @throws DamselflyError PROTOCOL; the signal's reason */
  async *lines(): AsyncGenerator<string, void, undefined> {
    for (;;) {
      const lines = this.#unread.split('\n')
      this.#unread = lines.pop() ?? ''
      yield* lines
      if (!(await this.#more())) return this.#throwOwn()
    }
  }

  /** Nobody waits any more, as the daemon notices. */
  close(): void {
    this.#socket.destroy()
  }

  #send(path: string, body: string): void {
    const length = Buffer.byteLength(body)
    const head = [`POST ${path} HTTP/1.0`, 'host: dfdaemon', 'content-type: application/json', `content-length: ${length}`]
    this.#socket.write(`${head.join('\r\n')}${END_OF_HEAD}${body}`)
  }

  async #readHead(): Promise<void> {
    for (;;) {
      const end = this.#unread.indexOf(END_OF_HEAD)
      if (end >= 0) return this.#openBody(this.#unread.slice(0, end))
      if (!(await this.#more())) throw this.#unreachable()
    }
  }

  async #openBody(head: string): Promise<void> {
    this.#unread = this.#unread.slice(head.length + END_OF_HEAD.length)
    const status = STATUS.exec(head)?.[1]
    if (status?.startsWith('2') === true) return
    while (await this.#more());
    throw answeredError(this.#unread, Number(status))
  }

  #take(text: string): void {
    this.#unread += text
    this.#hasMore = true
    if (this.#unread.length > MAX_UNREAD_LENGTH) this.#socket.destroy(new DamselflyError('PROTOCOL', 'dfdaemon sent too long a line'))
    this.#wake()
  }

  /** Waits for more to read. @returns false when nothing more will come */
  async #more(): Promise<boolean> {
    while (!this.#hasMore && !this.#isClosed) await new Promise<void>((resolve) => (this.#wake = resolve))
    const had = this.#hasMore
    this.#hasMore = false
    return had
  }

  /** What ended the connection from this side. */
  #throwOwn(): void {
    this.#signal.throwIfAborted()
    if (this.#failure instanceof DamselflyError) throw this.#failure
  }

  #unreachable(): DamselflyError {
    this.#throwOwn()
    const why = this.#failure === undefined ? 'it closed the connection' : messageOf(this.#failure)
    return new DamselflyError('DAEMON_UNREACHABLE', `dfdaemon at ${this.#socketPath}: ${why}`, { cause: this.#failure })
  }
}

/** Whether the daemon lives but has as many callers waiting as the system allows. */
export function isCrowded(error: unknown): boolean {
  return isDamselflyError(error, 'DAEMON_UNREACHABLE') && systemCode(error.cause) === 'EAGAIN'
}
