import { once } from 'node:events'
import { request, type IncomingMessage } from 'node:http'
import { text } from 'node:stream/consumers'

/** An answer as JSON of a server at a unix socket. @throws when it is refused, with all that was answered */
export async function callSocket<T>(socketPath: string, method: string, path: string, body?: unknown): Promise<T> {
  return JSON.parse(await askSocket(socketPath, method, path, body)) as T
}

/** The same as it is written. @param body is sent as JSON */
export async function askSocket(socketPath: string, method: string, path: string, body?: unknown): Promise<string> {
  const headers = body === undefined ? {} : { 'content-type': 'application/json' }
  const asking = request({ socketPath, method, path, headers, agent: false })
  asking.end(body === undefined ? undefined : JSON.stringify(body))
  const [response] = (await once(asking, 'response')) as [IncomingMessage]
  const answer = await text(response)
  if ((response.statusCode ?? 0) >= 300) throw new Error(`${path} answered ${response.statusCode}: ${answer}`)
  return answer
}
