import { STATUS_CODES, type ServerResponse } from 'node:http'
import type { Duplex } from 'node:stream'
import { toDamselflyError } from '@damselfly/shared'
import { toApiErrorBody } from '@damselfly/shared/http-api'
import { PROXY_CHALLENGE } from './logins.ts'

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

export function refuseTunnel(socket: Duplex, error: unknown): void {
  const { status, headers, body } = refusalOf(error)
  const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`)
  socket.end(`HTTP/1.1 ${status} ${STATUS_CODES[status] ?? 'Refused'}\r\n${lines.join('')}\r\n${body}`)
}
