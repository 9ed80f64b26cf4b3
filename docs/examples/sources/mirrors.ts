import type { CreateSource, OriginRequest } from '@damselfly/cdn'

/**
 * `mirrors:///PATH`: a content that several web servers have. The first of MIRRORS that can be reached serves it, which are base
 * URLs with spaces between them. The mirrors must be exact copies: only the length and the ETag tell a stale one.
 */
export const createSource: CreateSource = ({ http, error }) => {
  const mirrors = (process.env['MIRRORS'] ?? '').split(' ').filter((base) => base !== '')

  async function firstOf<T>(request: OriginRequest, ask: (request: OriginRequest) => Promise<T>): Promise<T> {
    const path = new URL(request.url).pathname
    let failure: unknown = error('ORIGIN_UNREACHABLE', 'there are no mirrors: set MIRRORS')
    for (const base of mirrors) {
      try {
        return await ask({ ...request, url: `${base.replace(/\/$/, '')}${path}` })
      } catch (reason) {
        // Whoever asked has gone, and no other mirror would bring them back.
        request.signal.throwIfAborted()
        failure = reason
      }
    }
    throw failure
  }

  return {
    schemes: ['mirrors:'],
    probe: (request) => firstOf(request, (asked) => http.probe(asked)),
    read: (request) => firstOf(request, (asked) => http.read(asked)),
    close: async () => undefined,
  }
}
