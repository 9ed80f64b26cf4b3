import { once } from 'node:events'
import { request as httpRequest, type IncomingMessage, type OutgoingHttpHeaders } from 'node:http'
import { text } from 'node:stream/consumers'

export interface Answer {
  readonly status: number
  readonly headers: IncomingMessage['headers']
  readonly body: string
}

export async function open(
  socketPath: string,
  method: string,
  path: string,
  { headers = {}, body }: { readonly headers?: OutgoingHttpHeaders; readonly body?: unknown } = {},
): Promise<IncomingMessage> {
  const payload = body === undefined ? undefined : JSON.stringify(body)
  const typed = payload === undefined ? {} : { 'content-type': 'application/json' }
  const request = httpRequest({ socketPath, method, path, headers: { ...typed, ...headers }, agent: false })
  request.end(payload)
  const [response] = (await once(request, 'response')) as [IncomingMessage]
  return response
}

export async function call(...args: Parameters<typeof open>): Promise<Answer> {
  const response = await open(...args)
  response.setEncoding('latin1')
  return { status: response.statusCode ?? 0, headers: response.headers, body: await text(response) }
}

export function events(body: string): Record<string, unknown>[] {
  return body.trimEnd().split('\n').map((line) => JSON.parse(line))
}
