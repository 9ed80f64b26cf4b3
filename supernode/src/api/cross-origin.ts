import type { ApiServer } from '@damselfly/shared/http-api'

const METHODS = 'GET, HEAD, POST, PATCH, DELETE'
const HEADERS = 'authorization, content-type'

/** How long a browser may remember what it was told; seconds. */
const MAX_AGE = 600

/**
 * Lets pages of these origins, and of no others, call the API from browsers; the token is theirs to send. To be put on the server
 * before the guard: a browser asks first, and without a token. Where there are none nothing here is told to anybody.
 *
 * @param origins as browsers send them, such as `https://console.example`
 */
export function allowOrigins(app: ApiServer, origins: readonly string[]): void {
  if (origins.length === 0) return
  const allowed = new Set(origins)
  app.addHook('onRequest', async (request, reply) => {
    reply.header('vary', 'origin')
    const { origin } = request.headers
    if (origin === undefined || !allowed.has(origin)) return undefined
    reply.headers({ 'access-control-allow-origin': origin, 'access-control-expose-headers': 'retry-after', 'cross-origin-resource-policy': 'cross-origin' })
    if (request.method !== 'OPTIONS' || request.headers['access-control-request-method'] === undefined) return undefined
    return await reply
      .code(204)
      .headers({ 'access-control-allow-methods': METHODS, 'access-control-allow-headers': HEADERS, 'access-control-max-age': MAX_AGE })
      .send()
  })
}
