import { STATUS_CODES, type ServerResponse } from 'node:http'
import type { Duplex } from 'node:stream'
import { toDamselflyError, type Clock } from '@damselfly/shared'
import { toApiErrorBody } from '@damselfly/shared/http-api'
import { PROXY_CHALLENGE } from './logins.ts'

/** How long a client may keep its side open that was refused a tunnel; milliseconds. */
const LINGER_MS = 10_000

interface Refusal {
  readonly status: number
  readonly headers: Readonly<Record<string, string>>
  readonly body: string
}

/** With our stable code in a header too: clients show nothing of an answer to CONNECT but its status. */
function refusalOf(error: unknown): Refusal {
  const { code, kind } = toDamselflyError(error)
  const body = `${JSON.stringify(toApiErrorBody(error))}\n`
  const challenge = kind.http === 407 ? { 'proxy-authenticate': PROXY_CHALLENGE } : {}
  const headers = { 'content-type': 'application/json', 'content-length': String(Buffer.byteLength(body)), 'x-damselfly-error': code, connection: 'close', ...challenge }
  return { status: kind.http, headers, body }
}

/** Breaks the connection where an answer has begun. */
export function refuse(response: ServerResponse, error: unknown): void {
  if (response.headersSent) {
    response.destroy()
    return
  }
  const { status, headers, body } = refusalOf(error)
  response.writeHead(status, headers).end(response.req.method === 'HEAD' ? undefined : body)
}

export function refuseTunnel(socket: Duplex, error: unknown, clock: Clock): void {
  const { status, headers, body } = refusalOf(error)
  const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`)
  socket.once('close', clock.after(LINGER_MS, () => socket.destroy()))
  // What the client still sends is not wanted, but unread it would hide that the client has gone.
  socket.resume()
  socket.end(`HTTP/1.1 ${status} ${STATUS_CODES[status] ?? 'Refused'}\r\n${lines.join('')}\r\n${body}`)
}
