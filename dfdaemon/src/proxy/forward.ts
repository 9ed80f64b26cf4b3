import type { IncomingMessage, ServerResponse } from 'node:http'
import { pipeline } from 'node:stream/promises'
import { Agent, buildConnector, request as send } from 'undici'
import { hasBody } from '../http/has-body.ts'
import { tlsOptions, type RegistryTls } from '../http/registry-tls.ts'
import { endToEnd } from '../mirror/upstream.ts'
import { connectError, type TargetGate } from './target-gate.ts'
import { formatTarget, targetOf } from './target.ts'

/** For DNS, TCP and TLS together; milliseconds. */
const CONNECT_MS = 10_000
/** Of an origin's answer; bytes. */
const MAX_HEADER_BYTES = 64 * 1024

const VIA = '1.1 damselfly'

/** Sends requests to where they mean to go, as they are but for what concerns the connection. */
export class Forwarder {
  readonly #agent: Agent

  /**
   * @param idleMs the longest silence of an origin
   * @param tlsOf what TLS to a host needs besides the usual, by its name with the port where that is not 443
   */
  constructor(gate: TargetGate, idleMs: number, tlsOf: (host: string) => RegistryTls | undefined) {
    const connect: buildConnector.connector = (options, callback) => {
      const port = Number(options.port) || (options.protocol === 'https:' ? 443 : 80)
      const tls = tlsOf(formatTarget({ host: options.hostname, port }, 443))
      buildConnector({ ...tlsOptions(tls), lookup: gate.lookup(port), timeout: CONNECT_MS })(options, callback)
    }
    this.#agent = new Agent({ connect, headersTimeout: idleMs, bodyTimeout: idleMs, maxHeaderSize: MAX_HEADER_BYTES })
  }

  /** To an address that is admitted, or a name, which is checked when it is resolved. @throws DamselflyError PROXY_REFUSED, ORIGIN_UNREACHABLE as long as nothing is answered; the signal's reason */
  async answer(url: URL, request: IncomingMessage, response: ServerResponse, signal: AbortSignal): Promise<void> {
    const answer = await this.#send(url, request, signal)
    response.writeHead(answer.statusCode, { ...endToEnd(answer.headers), via: VIA })
    await pipeline(answer.body, response)
  }

  /** Breaks what is under way. */
  async close(): Promise<void> {
    await this.#agent.destroy()
  }

  async #send(url: URL, request: IncomingMessage, signal: AbortSignal): ReturnType<typeof send> {
    try {
      return await send(url, {
        dispatcher: this.#agent,
        method: request.method ?? 'GET',
        headers: { ...endToEnd(request.headers), via: VIA },
        body: hasBody(request) ? request : null,
        signal,
      })
    } catch (error) {
      signal.throwIfAborted()
      throw connectError(error, targetOf(url))
    }
  }
}
