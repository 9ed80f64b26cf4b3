import { once } from 'node:events'
import { Agent, request as httpRequest, type ClientRequest, type IncomingMessage, type OutgoingHttpHeaders } from 'node:http'
import { DamselflyError, messageOf } from '@damselfly/shared'
import { answeredError, parseJson } from './answered-error.ts'

/** Answers that are read whole are small; bytes. */
const MAX_ANSWER_BYTES = 16 * 1024 * 1024

export interface DaemonRequest {
  readonly method: 'GET' | 'POST' | 'DELETE'
  readonly path: string
  readonly headers?: OutgoingHttpHeaders
  readonly body?: unknown
  readonly signal?: AbortSignal
}

/** HTTP over the daemon's socket; `node:http` rather than undici, which takes longer to load than such a request. */
export class DaemonHttp {
  readonly #socketPath: string
  readonly #agent: Agent = new Agent({ keepAlive: true })

  constructor(socketPath: string) {
    this.#socketPath = socketPath
  }

  /**
   * Resolves with an answer of status 2xx whose body has not been read.
   *
   * @throws DamselflyError DAEMON_UNREACHABLE, or what the daemon answered; the signal's reason
   */
  async send(request: DaemonRequest): Promise<IncomingMessage> {
    const response = await this.#exchange(request)
    if (response.statusCode !== undefined && response.statusCode < 300) return response
    throw answeredError(await readText(response), response.statusCode)
  }

  /** The body of a small answer. @throws as `send` does, and PROTOCOL */
  async sendForJson(request: DaemonRequest): Promise<unknown> {
    const text = await readText(await this.send(request))
    return text === '' ? undefined : parseJson(text)
  }

  close(): void {
    this.#agent.destroy()
  }

  async #exchange({ method, path, headers, body, signal }: DaemonRequest): Promise<IncomingMessage> {
    signal?.throwIfAborted()
    const payload = body === undefined ? undefined : JSON.stringify(body)
    const request = httpRequest({
      socketPath: this.#socketPath,
      agent: this.#agent,
      method,
      path,
      headers: { host: 'dfdaemon', ...(payload === undefined ? {} : { 'content-type': 'application/json' }), ...headers },
      ...(signal === undefined ? {} : { signal }),
    })
    // What goes wrong once there is a response is told by the response.
    request.on('error', () => undefined)
    request.end(payload)
    try {
      return await responseTo(request)
    } catch (error) {
      signal?.throwIfAborted()
      throw new DamselflyError('DAEMON_UNREACHABLE', `dfdaemon at ${this.#socketPath}: ${messageOf(error)}`, { cause: error })
    }
  }
}

async function responseTo(request: ClientRequest): Promise<IncomingMessage> {
  const [response] = (await once(request, 'response')) as [IncomingMessage]
  return response
}

async function readText(response: IncomingMessage): Promise<string> {
  let text = ''
  response.setEncoding('utf8')
  for await (const part of response) {
    text += String(part)
    if (text.length > MAX_ANSWER_BYTES) throw new DamselflyError('PROTOCOL', 'dfdaemon sent too long an answer')
  }
  return text
}
