import { once } from 'node:events'
import { request, type IncomingMessage } from 'node:http'
import { text } from 'node:stream/consumers'

/** An answer as JSON of a server at a unix socket. @throws when it is refused, with all that was answered */
export async function callSocket<T>(socketPath: string, method: string, path: string, body?: unknown): Promise<T> {
  const headers = body === undefined ? {} : { 'content-type': 'application/json' }
  const asking = request({ socketPath, method, path, headers, agent: false })
  asking.end(body === undefined ? undefined : JSON.stringify(body))
  const [response] = (await once(asking, 'response')) as [IncomingMessage]
  const answer = await text(response)
  if ((response.statusCode ?? 0) >= 300) throw new Error(`${path} answered ${response.statusCode}: ${answer}`)
  return JSON.parse(answer) as T
}
