import { once } from 'node:events'
import { request as requestPlain, type IncomingMessage } from 'node:http'
import { request as requestSecure } from 'node:https'
import { DamselflyError } from '@damselfly/shared'
import type { SecureOptions } from './secure-connection.ts'

/** Longer answers are those of something else; bytes. */
const MOST_BYTES = 64 * 1024 * 1024

export interface HttpRequest {
  readonly url: URL
  readonly method: string
  readonly headers: Readonly<Record<string, string>>
  readonly body: string | undefined
  readonly secure: SecureOptions
  /** For all of it; milliseconds. */
  readonly patienceMs: number
}

export interface HttpAnswer {
  readonly status: number
  readonly text: string
}

/** Asks once; a redirect is an answer like others. @throws the system's error; DamselflyError PROTOCOL when the answer is too long */
export async function exchangeHttp({ url, method, headers, body, secure, patienceMs }: HttpRequest): Promise<HttpAnswer> {
  const signal = AbortSignal.timeout(patienceMs)
  const length = body === undefined ? {} : { 'content-length': String(Buffer.byteLength(body)) }
  const options = { method, headers: { ...headers, ...length }, agent: false as const, signal }
  const request = url.protocol === 'https:' ? requestSecure(url, { ...options, ...secure }) : requestPlain(url, options)
  // What fails once there is an answer is told by that.
  request.on('error', () => undefined).end(body)
  const [response] = (await once(request, 'response')) as [IncomingMessage]
  const parts: Buffer[] = []
  let bytes = 0
  for await (const part of response as AsyncIterable<Buffer>) {
    bytes += part.length
    if (bytes > MOST_BYTES) throw new DamselflyError('PROTOCOL', `${url.origin} answers with more than ${MOST_BYTES} bytes`)
    parts.push(part)
  }
  return { status: response.statusCode ?? 0, text: Buffer.concat(parts).toString() }
}
