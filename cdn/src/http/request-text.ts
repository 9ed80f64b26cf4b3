import { DamselflyError } from '@damselfly/shared'
import type { Method } from './body-framing.ts'

const NAME = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/
const VALUE = /^[\t\x20-\x7e\x80-\xff]*$/

/**
 * A request as it goes over the wire.
 *
 * @param content its body, of one-byte characters @default none
 * @throws DamselflyError USAGE for a header that would make another request of it
 */
export function requestText(method: Method, url: URL, headers: Readonly<Record<string, string>>, content?: string): string {
  const lines = [`${method} ${url.pathname}${url.search} HTTP/1.1`, `host: ${url.host}`, 'connection: keep-alive']
  for (const [name, value] of Object.entries(headers)) {
    if (!NAME.test(name) || !VALUE.test(value)) {
      throw new DamselflyError('USAGE', `the header ${JSON.stringify(name)} cannot be sent: its name or value has characters that HTTP forbids`)
    }
    lines.push(`${name}: ${value}`)
  }
  if (content !== undefined) lines.push(`content-length: ${content.length}`)
  return `${lines.join('\r\n')}\r\n\r\n${content ?? ''}`
}
